/*-------------------------------------------------------------------------
 *
 * tonapi_enrich.c
 *	  Asking TonAPI for what the notification of a transaction leaves out.
 *
 * A notification becomes a row at once; here the transaction is asked for,
 * which becomes a second row.  The server limits how often it may be asked, so
 * there is a queue; what does not fit into it stays as it is, and is counted.
 * Right after its notification a transaction may not be found yet, which is
 * no reason to give up.
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "codec/hex.h"
#include "provider/output.h"
#include "provider/tonapi/tonapi.h"

/* Requests on their way at the same time. */
#define SENT_MAX 4

/* Attempts for one transaction, the first pause between them, the longest. */
#define ATTEMPTS_MAX 7
#define RETRY_MS 1000
#define RETRY_MAX_MS 30000

/* How long to be quiet if the server asks for it and does not say how long. */
#define PAUSE_MS 4000
#define PAUSE_MAX_MS 60000

/* How long if it does not want us at all. */
#define REFUSED_MS 60000

static const char path_prefix[] = "/v2/blockchain/transactions/";

/* *first*, doubled so many times, but no more than *most*. */
static int64_t
growing(int64_t first, int times, int64_t most)
{
	while (times-- > 0 && first < most)
		first *= 2;
	return first < most ? first : most;
}

/* ---------- the queue ---------- */

void
cs_tonapi_enrich(TonapiSession *tonapi, const uint8_t hash[CS_TON_HASH_LENGTH],
				 int64_t now_ms)
{
	TonapiJob  *job;

	/* It may be announced again, on another connection. */
	for (size_t i = 0; i < tonapi->job_count; i++)
	{
		if (memcmp(tonapi->jobs[i].hash, hash, CS_TON_HASH_LENGTH) == 0)
			return;
	}
	if (tonapi->jobs == NULL)
		tonapi->jobs = malloc(TONAPI_JOBS_MAX * sizeof(TonapiJob));
	if (tonapi->jobs == NULL || tonapi->job_count == TONAPI_JOBS_MAX)
	{
		tonapi->left_out++;
		return;
	}
	job = &tonapi->jobs[tonapi->job_count++];
	*job = (TonapiJob) {.due_at = now_ms};
	memcpy(job->hash, hash, CS_TON_HASH_LENGTH);
}

static void
remove_job(TonapiSession *tonapi, TonapiJob *job)
{
	size_t		index = (size_t) (job - tonapi->jobs);

	tonapi->job_count--;
	memmove(job, job + 1, (tonapi->job_count - index) * sizeof(TonapiJob));
}

/* Try it again later, or not at all. */
static void
retry_job(TonapiSession *tonapi, TonapiJob *job, int64_t now_ms)
{
	if (++job->attempts >= ATTEMPTS_MAX)
	{
		remove_job(tonapi, job);
		tonapi->left_out++;
		return;
	}
	job->due_at = now_ms + growing(RETRY_MS, job->attempts - 1, RETRY_MAX_MS);
}

/*
 * The job to be sent next, if any may be: the oldest that is due when a
 * request may be made, or else the one that will be due first.
 */
static TonapiJob *
next_job(const TonapiSession *tonapi)
{
	TonapiJob  *next = NULL;

	if (tonapi->jobs_sent >= SENT_MAX || tonapi->base_url == NULL)
		return NULL;
	for (size_t i = 0; i < tonapi->job_count; i++)
	{
		TonapiJob  *job = &tonapi->jobs[i];

		if (job->request != 0)
			continue;
		if (job->due_at <= tonapi->enrich_at)
			return job;
		if (next == NULL || job->due_at < next->due_at)
			next = job;
	}
	return next;
}

/* ---------- requests ---------- */

static void
send_job(TonapiSession *tonapi, TonapiJob *job, CsOutput *output)
{
	char		path[sizeof(path_prefix) + (size_t) 2 * CS_TON_HASH_LENGTH];
	CsRequest  *request = cs_output_request(output, ++tonapi->last_request);
	const char *url;

	memcpy(path, path_prefix, sizeof(path_prefix));
	cs_hex_encode_lower(job->hash, CS_TON_HASH_LENGTH,
						path + sizeof(path_prefix) - 1);
	path[sizeof(path) - 1] = '\0';
	url = cs_tonapi_url(output, tonapi->base_url, true, path);
	if (url != NULL)
		url = cs_tonapi_signed(tonapi, url, output);
	if (request == NULL || url == NULL ||
		!cs_tonapi_fields(tonapi, request->fields, &request->field_count,
						  output))
	{
		cs_output_fail(output);
		return;
	}
	request->url = url;
	job->request = tonapi->last_request;
	tonapi->jobs_sent++;
}

/* When the next request may be made; INT64_MAX: there is none to be made. */
int64_t
cs_tonapi_enrich_next_tick(const TonapiSession *tonapi)
{
	const TonapiJob *job = next_job(tonapi);

	if (job == NULL)
		return INT64_MAX;
	return job->due_at > tonapi->enrich_at ? job->due_at : tonapi->enrich_at;
}

void
cs_tonapi_enrich_step(TonapiSession *tonapi, int64_t now_ms, CsOutput *output)
{
	while (cs_tonapi_enrich_next_tick(tonapi) <= now_ms &&
		   !cs_output_failed(output))
	{
		send_job(tonapi, next_job(tonapi), output);
		tonapi->enrich_at = now_ms + tonapi->enrich_interval_ms;
	}
}

/* ---------- answers ---------- */

static TonapiJob *
find_job(TonapiSession *tonapi, int64_t request)
{
	for (size_t i = 0; request != 0 && i < tonapi->job_count; i++)
	{
		if (tonapi->jobs[i].request == request)
			return &tonapi->jobs[i];
	}
	return NULL;
}

/* The server wants us to be quiet. */
static void
pause_all(TonapiSession *tonapi, int64_t ms, int64_t now_ms)
{
	if (tonapi->enrich_at < now_ms + ms)
		tonapi->enrich_at = now_ms + ms;
}

/* There is no transaction in an answer: when to ask again? */
static void
take_refusal(TonapiSession *tonapi, TonapiJob *job, const CsResponse *response,
			 int64_t now_ms)
{
	switch (response->status)
	{
		case 429:
			/* Not the transaction's fault. */
			pause_all(tonapi, response->retry_after_s > 0 ?
					  (int64_t) response->retry_after_s * 1000 :
					  growing(PAUSE_MS, tonapi->enrich_pauses++, PAUSE_MAX_MS),
					  now_ms);
			break;
		case 401:
		case 403:
			tonapi->enrich_refused = response->status;
			pause_all(tonapi, REFUSED_MS, now_ms);
			retry_job(tonapi, job, now_ms);
			break;
		case 400:
			job->attempts = ATTEMPTS_MAX;
			retry_job(tonapi, job, now_ms);
			break;
		default:				/* 404: not yet; or something else is wrong */
			retry_job(tonapi, job, now_ms);
			break;
	}
}

static bool
take_transaction(TonapiSession *tonapi, const CsResponse *response,
				 int64_t now_ms, CsOutput *output, CsError *error)
{
	CsMessage	message = {.data = response->data, .length = response->length,
						   .received_at = response->received_at};
	struct json_object *object = cs_json_parse(tonapi->base.tokener,
											   response->data,
											   response->length, error);
	bool		valid;

	if (object == NULL)
		return false;
	valid = cs_tonapi_records(tonapi, TONAPI_TOPICS, object, &message, now_ms,
							  output, error);
	json_object_put(object);
	return valid;
}

bool
cs_tonapi_response(CsSession *session, const CsResponse *response,
				   int64_t now_ms, CsOutput *output, CsError *error)
{
	TonapiSession *tonapi = (TonapiSession *) session;
	TonapiJob  *job = find_job(tonapi, response->id);
	bool		valid = true;

	if (job != NULL)
	{
		job->request = 0;
		tonapi->jobs_sent--;
		if (response->status == 200)
			remove_job(tonapi, job);
		else
			take_refusal(tonapi, job, response, now_ms);
	}
	if (response->status == 200)
	{
		tonapi->enrich_pauses = tonapi->enrich_refused = 0;
		valid = take_transaction(tonapi, response, now_ms, output, error);
	}
	if (!valid)
		return false;
	cs_tonapi_enrich_step(tonapi, now_ms, output);
	if (tonapi->enrich)
		cs_tonapi_tell_topic(tonapi, TONAPI_TRANSACTION, output);
	return true;
}
