/*-------------------------------------------------------------------------
 *
 * traffic.c
 *	  Which notifications go out, and when.
 *
 * Traffic is either a replay of recorded messages or what the dialect makes
 * up.  A rate in messages per second is kept by a timer that asks how many
 * are due, whatever the clients do: their queues grow, as a node's would.
 * At rate "max" there is no timer: the next messages are made when every
 * subscribed client has room, so that no memory fills up, and one that reads
 * slowly slows them all down.
 *
 * The rate of the command line waits for the first subscription.
 *
 *-------------------------------------------------------------------------
 */
#include "dialect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND	INT64_C(1000000000)

/* The timer runs no faster than this. */
#define TICK_NS			INT64_C(500000)

/* Most messages of one tick or one refill, before others have their turn. */
#define BURST			512

/* A client with less than this in its queue has room. */
#define ROOM			((size_t) 4 * 65536)

static int64_t
monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static void
network_timer(lws_sorted_usec_list_t *timer)
{
	CsSimNetwork *network = lws_container_of(timer, CsSimNetwork, timer);

	network->dialect->tick(network);
}

void
cs_sim_network_timer(CsSimNetwork *network, uint64_t ms)
{
	lws_sul_cancel(&network->timer);
	if (ms > 0)
		lws_sul_schedule(network->sim->context, 0, &network->timer,
						 network_timer, (lws_usec_t) ms * LWS_US_PER_MS);
}

int64_t
cs_sim_now_ms(const CsSimNetwork *network)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000 +
		network->traffic.clock_ms;
}

int64_t
cs_sim_stamp_ms(const CsSimNetwork *network, int64_t recorded)
{
	if (network->traffic.timestamps)
		return cs_sim_now_ms(network);
	return recorded + network->traffic.clock_ms;
}

/* Does anybody wait for notifications? */
static bool
anybody_subscribed(const CsSimNetwork *network)
{
	for (const CsSimClient *client = network->clients; client;
		 client = client->next)
		if (!client->dead && network->dialect->subscribed(client))
			return true;
	return false;
}

/* Has this client room for more? */
static bool
has_room(const CsSimClient *client)
{
	const CsSimDialect *dialect = client->network->dialect;
	size_t		limit = 0;

	if (dialect->queue_limit != NULL)
		limit = dialect->queue_limit(client);
	/* Half of it is kept for what one item may cause. */
	return client->queued < ROOM && (limit == 0 || client->waiting < limit / 2);
}

/* Does every client that waits for notifications have room for more? */
static bool
everybody_has_room(const CsSimNetwork *network)
{
	for (const CsSimClient *client = network->clients; client;
		 client = client->next)
		if (!client->dead && !has_room(client) &&
			network->dialect->subscribed(client))
			return false;
	return true;
}

/* Is there a next notification? */
static bool
more_to_come(const CsSimTraffic *traffic)
{
	if (traffic->limit > 0 && traffic->done >= traffic->limit)
		return false;
	return traffic->items == NULL || traffic->loop ||
		traffic->item_next < traffic->item_count;
}

/* Set the timer for the rate, or stop it. */
static void
arm(CsSimNetwork *network)
{
	CsSimTraffic *traffic = &network->traffic;
	struct itimerspec when = {{0, 0}, {0, 0}};
	int64_t		period;

	if (!traffic->hold && traffic->rate == CS_SIM_RATE_MAX)
	{
		for (CsSimClient *client = network->clients; client;
			 client = client->next)
			lws_callback_on_writable(client->wsi);
	}
	else if (!traffic->hold && traffic->rate > 0 && more_to_come(traffic))
	{
		period = NS_PER_SECOND / (int64_t) traffic->rate;
		if (period < TICK_NS)
			period = TICK_NS;
		when.it_value.tv_sec = period / NS_PER_SECOND;
		when.it_value.tv_nsec = period % NS_PER_SECOND;
		when.it_interval = when.it_value;
	}
	if (timerfd_settime(traffic->timer, 0, &when, NULL) != 0)
		cs_sim_fatal("cannot set a timer: %s", strerror(errno));
}

/* The timer fired: send what is due. */
static void
tick(void *arg, int fd)
{
	CsSimNetwork *network = arg;
	CsSimTraffic *traffic = &network->traffic;
	uint64_t	due;
	uint64_t	expired;

	if (read(fd, &expired, sizeof(expired)) < 0)
		return;
	due = (uint64_t) ((__int128) (monotonic_ns() - traffic->started_ns) *
					  (__int128) traffic->rate / NS_PER_SECOND);
	for (int burst = 0; traffic->paced < due && burst < BURST; burst++)
	{
		if (!cs_sim_traffic_next(network))
		{
			arm(network);
			return;
		}
		traffic->paced++;
	}
}

bool
cs_sim_traffic_next(CsSimNetwork *network)
{
	CsSimTraffic *traffic = &network->traffic;

	if (!more_to_come(traffic))
		return false;
	if (traffic->items == NULL)
		(void) network->dialect->generate(network);
	else
	{
		if (traffic->item_next >= traffic->item_count)
			traffic->item_next = 0;
		(void) network->dialect->deliver(network,
										 traffic->items[traffic->item_next++]);
	}
	traffic->generated++;
	traffic->done++;
	return true;
}

void
cs_sim_traffic_refill(CsSimNetwork *network, CsSimClient *client)
{
	CsSimTraffic *traffic = &network->traffic;

	if (traffic->rate != CS_SIM_RATE_MAX || traffic->hold ||
		!anybody_subscribed(network))
		return;
	for (int burst = 0; burst < BURST; burst++)
		if (!everybody_has_room(network) || !cs_sim_traffic_next(network))
			return;
	/* If none of these was for this client, nothing else would wake it. */
	lws_callback_on_writable(client->wsi);
}

void
cs_sim_traffic_subscribed(CsSimNetwork *network)
{
	CsSimTraffic *traffic = &network->traffic;

	if (traffic->hold && anybody_subscribed(network))
	{
		traffic->hold = false;
		cs_sim_traffic_rate(network, traffic->rate);
	}
	else if (traffic->rate == CS_SIM_RATE_MAX)
		arm(network);
}

void
cs_sim_traffic_rate(CsSimNetwork *network, uint64_t rate)
{
	network->traffic.rate = rate;
	network->traffic.started_ns = monotonic_ns();
	network->traffic.paced = 0;
	arm(network);
}

void
cs_sim_traffic_limit(CsSimNetwork *network, uint64_t limit)
{
	network->traffic.limit = limit;
	network->traffic.done = 0;
	cs_sim_traffic_rate(network, network->traffic.rate);
}

/* Add the messages of one file to a list. */
static bool
read_replay(CsSimNetwork *network, const char *path, CsSimItem ***items,
			size_t *count, char error[CS_SIM_ERROR_MAX])
{
	FILE	   *file = fopen(path, "re");
	char	   *line = NULL;
	size_t		size = 0;
	int			number = 0;
	bool		fine = true;

	if (file == NULL)
	{
		snprintf(error, CS_SIM_ERROR_MAX, "%s: %s", path, strerror(errno));
		return false;
	}
	while (fine && getline(&line, &size, file) >= 0)
	{
		char		why[CS_SIM_ERROR_MAX - 64] = "";
		json_object *json;
		CsSimItem  *item = NULL;

		number++;
		if (line[strspn(line, " \t\r\n")] == '\0')
			continue;
		json = json_tokener_parse(line);
		if (json != NULL)
			item = network->dialect->item_create(network, json, error);
		else
			snprintf(error, CS_SIM_ERROR_MAX, "not JSON");
		json_object_put(json);
		fine = item != NULL;
		if (fine)
		{
			*items = cs_sim_resize(*items, (*count + 1) * sizeof(CsSimItem *));
			(*items)[(*count)++] = item;
			continue;
		}
		snprintf(why, sizeof(why), "%s", error);
		snprintf(error, CS_SIM_ERROR_MAX, "line %d: %s", number, why);
	}
	free(line);
	fclose(file);
	return fine;
}

/* Free the items of a replay. */
static void
free_items(CsSimNetwork *network, CsSimItem **items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		network->dialect->item_free(items[i]);
	free(items);
}

bool
cs_sim_traffic_replay(CsSimNetwork *network, const char *const *paths,
					  size_t count, char error[CS_SIM_ERROR_MAX])
{
	CsSimTraffic *traffic = &network->traffic;
	CsSimItem **items = NULL;
	size_t		item_count = 0;

	for (size_t i = 0; i < count; i++)
	{
		if (!read_replay(network, paths[i], &items, &item_count, error))
		{
			free_items(network, items, item_count);
			return false;
		}
	}
	if (count > 0 && item_count == 0)
	{
		snprintf(error, CS_SIM_ERROR_MAX, "no messages in the replay");
		return false;
	}
	free_items(network, traffic->items, traffic->item_count);
	traffic->items = items;
	traffic->item_count = item_count;
	traffic->item_next = 0;
	cs_sim_traffic_rate(network, traffic->rate);
	return true;
}

void
cs_sim_traffic_start(CsSimNetwork *network)
{
	CsSimTraffic *traffic = &network->traffic;

	traffic->timer = timerfd_create(CLOCK_MONOTONIC,
									TFD_NONBLOCK | TFD_CLOEXEC);
	if (traffic->timer < 0)
		cs_sim_fatal("cannot make a timer: %s", strerror(errno));
	(void) cs_sim_watch(network->sim, traffic->timer, tick, network);
}

void
cs_sim_traffic_stop(CsSimNetwork *network)
{
	free_items(network, network->traffic.items, network->traffic.item_count);
	network->traffic.items = NULL;
	network->traffic.item_count = 0;
}
