/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Differences between the PostgreSQL releases chainstream is built for
 *	  (15 to 18).  The only file that looks at PG_VERSION_NUM.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CS_COMPAT_H
#define CS_COMPAT_H

#include "postgres.h"

#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 180000
#include "storage/waiteventset.h"
#endif

/* Our own name in pg_stat_activity.wait_event, where the release has such. */
#if PG_VERSION_NUM >= 170000
#define cs_wait_event_new(name) WaitEventExtensionNew(name)
#else
#define cs_wait_event_new(name) PG_WAIT_EXTENSION
#endif

/* A wait set that lives as long as the process. */
#if PG_VERSION_NUM >= 170000
#define cs_wait_set_create(count) CreateWaitEventSet(NULL, count)
#else
#define cs_wait_set_create(count) CreateWaitEventSet(TopMemoryContext, count)
#endif

#if PG_VERSION_NUM >= 160000
#define cs_owns_database(database) \
	object_ownercheck(DatabaseRelationId, database, GetUserId())
#else
#define cs_owns_database(database) \
	pg_database_ownercheck(database, GetUserId())
#endif

/* Whether the current user could become this role. */
#if PG_VERSION_NUM >= 160000
#define cs_may_become(role) member_can_set_role(GetUserId(), role)
#else
#define cs_may_become(role) is_member_of_role(GetUserId(), role)
#endif

/* May a worker run as a role without LOGIN?  Before 17 it cannot be asked. */
#if PG_VERSION_NUM >= 170000
#define CS_WORKER_CONNECT_FLAGS BGWORKER_BYPASS_ROLELOGINCHECK
#define CS_ROLE_NEEDS_LOGIN false
#else
#define CS_WORKER_CONNECT_FLAGS 0
#define CS_ROLE_NEEDS_LOGIN true
#endif

/* Release 18 renamed the flag that marks a function that does not return. */
#if PG_VERSION_NUM >= 180000
#define CS_NORETURN pg_noreturn
#else
#define CS_NORETURN pg_attribute_noreturn()
#endif

#endif							/* CS_COMPAT_H */
