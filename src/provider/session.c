/*-------------------------------------------------------------------------
 *
 * session.c
 *	  The part of a session that is the same for every provider: what is
 *	  wanted, and the way to the provider that makes it so.
 *
 *-------------------------------------------------------------------------
 */
#include "provider/session.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "provider/output.h"

/* A message longer than this may leave a tokener with a lot of memory. */
#define TOKENER_KEEP ((size_t) 256 * 1024)

/* ---------- beginning and end ---------- */

/* A copy of a string, which may be NULL; *failed* if memory is short. */
static char *
copy_string(const char *string, bool *failed)
{
	char	   *copy = string ? strdup(string) : NULL;

	if (string != NULL && copy == NULL)
		*failed = true;
	return copy;
}

/* Fill in the generic part; false: see *error*. */
static bool
prepare(CsSession *session, const CsSourceConfig *config, CsError *error)
{
	const CsProvider *provider = session->provider;
	const char *options = config->options ? config->options : "{}";
	bool		failed = false;

	session->network = cs_provider_network(provider, config->network);
	if (session->network == NULL)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "provider \"%s\" has no network \"%s\"", provider->name,
					 config->network);
		return false;
	}
	session->transport = cs_provider_transport(provider, config->transport);
	if (session->transport == NULL)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "provider \"%s\" has no transport \"%s\"",
					 provider->name, config->transport);
		return false;
	}
	if (!cs_provider_check_options(provider, options, error))
		return false;
	session->options = cs_json_parse_once(options, strlen(options), error);
	if (session->options == NULL)
		return false;
	session->name = copy_string(config->name, &failed);
	session->token = copy_string(config->token, &failed);
	session->tokener = cs_json_tokener();
	session->watches = cs_watchset_create();
	if (failed || session->tokener == NULL || session->watches == NULL)
	{
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return false;
	}
	return true;
}

/* Free the generic part and the struct. */
static void
release(CsSession *session)
{
	for (size_t i = 0; i < session->subscription_count; i++)
		free(session->subscriptions[i].arguments);
	free(session->subscriptions);
	cs_watchset_free(session->watches);
	if (session->tokener != NULL)
		json_tokener_free(session->tokener);
	json_object_put(session->options);
	free(session->name);
	if (session->token != NULL)
		explicit_bzero(session->token, strlen(session->token));
	free(session->token);
	free(session);
}

CsSession *
cs_session_create(const CsProvider *provider, const CsSourceConfig *config,
				  CsError *error)
{
	CsSession  *session = calloc(1, provider->session_size);

	if (session == NULL)
	{
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return NULL;
	}
	session->provider = provider;
	if (!prepare(session, config, error) || !provider->start(session, error))
	{
		release(session);
		return NULL;
	}
	return session;
}

/*
 * End a session; NULL is fine.
 */
void
cs_session_free(CsSession *session)
{
	if (session == NULL)
		return;
	session->provider->stop(session);
	release(session);
}

void
cs_session_restore(CsSession *session, const char *scope,
				   const char *position)
{
	if (session->provider->restore != NULL)
		session->provider->restore(session, scope, position);
}

/* ---------- subscriptions ---------- */

static CsSubscription *
find_subscription(CsSession *session, int64_t id)
{
	for (size_t i = 0; i < session->subscription_count; i++)
	{
		if (session->subscriptions[i].id == id)
			return &session->subscriptions[i];
	}
	return NULL;
}

/* Is there another subscription to this topic already, wanted and single? */
static bool
is_taken(const CsSession *session, int64_t id, const CsTopic *topic)
{
	for (size_t i = 0; i < session->subscription_count; i++)
	{
		const CsSubscription *other = &session->subscriptions[i];

		if (other->topic == topic && other->id != id && !other->marked)
			return topic->single;
	}
	return false;
}

/* A new subscription at the end of the list; NULL if memory is short. */
static CsSubscription *
add_subscription(CsSession *session, int64_t id)
{
	CsSubscription *larger = realloc(session->subscriptions,
									 (session->subscription_count + 1) *
									 sizeof(CsSubscription));

	if (larger == NULL)
		return NULL;
	session->subscriptions = larger;
	larger += session->subscription_count++;
	memset(larger, 0, sizeof(*larger));
	larger->id = id;
	return larger;
}

bool
cs_session_subscribe(CsSession *session, int64_t subscription_id,
					 const char *topic_name, const char *arguments,
					 CsError *error)
{
	const CsProvider *provider = session->provider;
	const CsTopic *topic = cs_provider_topic(provider, topic_name);
	CsSubscription *subscription;
	char	   *copy;

	if (topic == NULL)
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "provider \"%s\" has no topic \"%s\"", provider->name,
					 topic_name);
		return false;
	}
	if (is_taken(session, subscription_id, topic))
	{
		cs_error_set(error, CS_ERROR_UNSUPPORTED, NULL, NULL,
					 "topic \"%s\" is subscribed already", topic->name);
		return false;
	}
	subscription = find_subscription(session, subscription_id);
	if (subscription != NULL && subscription->topic == topic &&
		strcmp(subscription->arguments, arguments) == 0)
	{
		subscription->marked = false;
		return true;
	}
	if (!provider->check_arguments(topic, session->network->name, arguments,
								   error))
		return false;
	copy = strdup(arguments);
	if (copy != NULL && subscription == NULL)
		subscription = add_subscription(session, subscription_id);
	if (copy == NULL || subscription == NULL)
	{
		free(copy);
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
		return false;
	}
	free(subscription->arguments);
	subscription->arguments = copy;
	subscription->topic = topic;
	subscription->marked = false;
	session->subscriptions_changed = true;
	return true;
}

void
cs_session_unsubscribe(CsSession *session, int64_t subscription_id)
{
	CsSubscription *subscription = find_subscription(session, subscription_id);
	size_t		index;

	if (subscription == NULL)
		return;
	index = (size_t) (subscription - session->subscriptions);
	free(subscription->arguments);
	session->subscription_count--;
	memmove(subscription, subscription + 1,
			(session->subscription_count - index) * sizeof(CsSubscription));
	session->subscriptions_changed = true;
}

const CsSubscription *
cs_session_subscription(const CsSession *session, const CsTopic *topic)
{
	for (size_t i = 0; i < session->subscription_count; i++)
	{
		if (session->subscriptions[i].topic == topic)
			return &session->subscriptions[i];
	}
	return NULL;
}

/* ---------- watches ---------- */

static bool
is_everything(const CsWatch *watch)
{
	return watch->kind == CS_WATCH_ADDRESS && watch->length == 1 &&
		watch->target[0] == '*';
}

/* Keep count of what is wanted when an entry begins or ceases to be. */
static void
count_wanted(CsSession *session, const CsWatch *watch, bool wanted)
{
	size_t		change = wanted ? 1 : (size_t) -1;

	if (watch->flags & CS_WATCH_INVALID)
		return;
	session->wanted_count += change;
	if (is_everything(watch))
		session->everything = wanted;
	else if (watch->kind == CS_WATCH_ADDRESS)
		session->address_count += change;
}

/*
 * Can the provider watch this?  Targets come from a table anybody with the
 * right to may write, so they need not be what watch() would have stored.
 */
static bool
is_valid_target(const CsSession *session, const CsWatch *watch)
{
	const CsProvider *provider = session->provider;
	char		canonical[CS_TARGET_MAX];

	if (is_everything(watch))
		return provider->watches_everything;
	if (watch->kind == CS_WATCH_ADDRESS)
		return provider->canonical_address(session->network->name,
										   watch->target, canonical, NULL) &&
			strcmp(canonical, watch->target) == 0;
	return provider->watches_transactions &&
		provider->canonical_transaction(session->network->name, watch->target,
										canonical, NULL) &&
		strcmp(canonical, watch->target) == 0;
}

/*
 * Want a target.  One that the provider cannot watch is kept as such, to be
 * reported in its state; one that is far too long is left out.  Returns false
 * if memory is short.
 */
bool
cs_session_watch(CsSession *session, int64_t watch_id, CsWatchKind kind,
				 const char *target)
{
	size_t		length = strlen(target);
	CsWatch    *watch;

	if (length >= CS_TARGET_MAX)
		return true;
	watch = cs_watchset_add(session->watches, kind, target, length);
	if (watch == NULL)
		return false;
	watch->epoch = session->epoch;
	if ((watch->flags & CS_WATCH_WANTED) && watch->watch_id == watch_id)
		return true;

	/* Under another id it is another wish: its state must be told anew. */
	watch->watch_id = watch_id;
	watch->flags &= (uint8_t) ~(CS_WATCH_ACTIVE | CS_WATCH_REFUSED);
	if (!(watch->flags & CS_WATCH_WANTED))
	{
		if (!is_valid_target(session, watch))
			watch->flags |= CS_WATCH_INVALID;
		watch->flags |= CS_WATCH_WANTED;
		count_wanted(session, watch, true);
	}
	cs_watchset_queue(session->watches, watch);
	return true;
}

/* Cease to want an entry; the provider removes it when it has acted. */
static void
unwant(CsSession *session, CsWatch *watch)
{
	if (!(watch->flags & CS_WATCH_WANTED))
		return;
	watch->flags &= (uint8_t) ~CS_WATCH_WANTED;
	count_wanted(session, watch, false);
	cs_watchset_queue(session->watches, watch);
}

void
cs_session_unwatch(CsSession *session, CsWatchKind kind, const char *target)
{
	CsWatch    *watch = cs_watchset_find(session->watches, kind, target,
										 strlen(target));

	if (watch != NULL)
		unwant(session, watch);
}

bool
cs_session_watches(const CsSession *session, CsText address)
{
	const CsWatch *watch;

	if (address.data == NULL)
		return false;
	watch = cs_watchset_find(session->watches, CS_WATCH_ADDRESS, address.data,
							 address.length);
	return watch != NULL && (watch->flags & CS_WATCH_WANTED) &&
		!(watch->flags & CS_WATCH_INVALID);
}

void
cs_session_requeue(CsSession *session, uint8_t cleared_flags)
{
	CsWatch    *watch;
	size_t		position = 0;

	/* What is not wanted is in the queue, or it would be gone. */
	for (size_t i = cs_watchset_queued(session->watches); i > 0; i--)
	{
		watch = cs_watchset_pop(session->watches);
		if (watch->flags & CS_WATCH_WANTED)
			cs_watchset_queue(session->watches, watch);
		else
			cs_watchset_remove(session->watches, watch);
	}
	while ((watch = cs_watchset_next(session->watches, &position)) != NULL)
	{
		watch->flags &= (uint8_t) ~cleared_flags;
		cs_watchset_queue(session->watches, watch);
	}
}

size_t
cs_session_watch_count(const CsSession *session)
{
	return session->wanted_count;
}

size_t
cs_session_watch_bytes(const CsSession *session)
{
	return cs_watchset_bytes(session->watches);
}

/* ---------- comparing with a list ---------- */

void
cs_session_mark(CsSession *session)
{
	session->epoch++;
	for (size_t i = 0; i < session->subscription_count; i++)
		session->subscriptions[i].marked = true;
}

void
cs_session_sweep(CsSession *session)
{
	size_t		position = 0;
	size_t		i = 0;
	CsWatch    *watch;

	while (i < session->subscription_count)
	{
		if (session->subscriptions[i].marked)
			cs_session_unsubscribe(session, session->subscriptions[i].id);
		else
			i++;
	}
	while ((watch = cs_watchset_next(session->watches, &position)) != NULL)
	{
		if (watch->epoch != session->epoch)
			unwant(session, watch);
	}
}

/* ---------- the way to the provider ---------- */

void
cs_session_sync(CsSession *session, int64_t now_ms, CsOutput *output)
{
	session->provider->sync(session, now_ms, output);
}

bool
cs_session_handshake(CsSession *session, int link, const char *url,
					 CsHandshake *handshake, CsOutput *output)
{
	memset(handshake, 0, sizeof(*handshake));
	return session->provider->handshake(session, link, url, handshake, output);
}

void
cs_session_opened(CsSession *session, int link, int64_t now_ms,
				  CsOutput *output)
{
	session->provider->opened(session, link, now_ms, output);
}

void
cs_session_closed(CsSession *session, int link, const CsClosure *closure,
				  int64_t now_ms, CsOutput *output)
{
	session->provider->closed(session, link, closure, now_ms, output);
}

CsText
cs_message_text(const CsMessage *message)
{
	const char *end = message->data + message->length;

	while (end > message->data && (end[-1] == ' ' || end[-1] == '\t' ||
								   end[-1] == '\r' || end[-1] == '\n'))
		end--;
	return (CsText) {message->data, (size_t) (end - message->data)};
}

/*
 * A tokener never gives back what its longest string took.  After a message
 * that large, begin with a new one.
 */
static void
renew_tokener(CsSession *session)
{
	struct json_tokener *tokener = cs_json_tokener();

	if (tokener == NULL)
		return;
	json_tokener_free(session->tokener);
	session->tokener = tokener;
}

/*
 * What came was understood, or not: clean up after it.  What is refused, or
 * for which memory is short, leaves nothing in the output.
 */
static bool
settle(CsSession *session, CsText text, bool understood,
	   const CsOutputMark *mark, CsOutput *output, CsError *error)
{
	if (text.length > TOKENER_KEEP)
		renew_tokener(session);
	if (understood)
	{
		cs_output_set_message(output, mark, text);
		if (!cs_output_failed(output))
			return true;
		cs_error_set(error, CS_ERROR_MEMORY, NULL, NULL, "out of memory");
	}
	cs_output_rollback(output, mark);
	return false;
}

bool
cs_session_message(CsSession *session, int link, const CsMessage *message,
				   int64_t now_ms, CsOutput *output, CsError *error)
{
	CsOutputMark mark = cs_output_mark(output);
	bool		understood = session->provider->message(session, link, message,
														now_ms, output, error);

	return settle(session, (CsText) {message->data, message->length},
				  understood, &mark, output, error);
}

bool
cs_session_response(CsSession *session, const CsResponse *response,
					int64_t now_ms, CsOutput *output, CsError *error)
{
	CsOutputMark mark = cs_output_mark(output);
	bool		understood = true;

	if (session->provider->response != NULL)
		understood = session->provider->response(session, response, now_ms,
												 output, error);
	return settle(session, (CsText) {response->data, response->length},
				  understood, &mark, output, error);
}

void
cs_session_tick(CsSession *session, int64_t now_ms, CsOutput *output)
{
	session->provider->tick(session, now_ms, output);
}

int64_t
cs_session_next_tick(const CsSession *session)
{
	return session->provider->next_tick(session);
}
