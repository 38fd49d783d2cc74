// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A row for each connection. A client is ended by shutting its socket down: libmicrohttpd then sees
 * the end of it in its next run and closes it. */
#include "control/serve/clients.h"

#include "base/process.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The time a client takes to read an answer counts divided by this, the time to send a request in
 * full. */
#define ANSWER_PATIENCE 10
/* A client that sends its next request sooner than this counts as busy all the time. */
#define PAUSE_NS	100000000ull

enum phase { PHASE_FREE, PHASE_FIRST, PHASE_NEXT, PHASE_ANSWER, PHASE_ENDED };

struct client {
	struct clients *all;
	struct MHD_Connection *connection;
	struct in6_addr address; /* IPv4 mapped; zeroes: unix socket */
	bool local;		 /* loopback or unix socket */
	enum phase phase;
	uint64_t since_ns;
	uint64_t busy_ns; /* since when it has been busy without a pause */
};

struct clients {
	struct clients_limits limits;
	uint64_t ended;
	uint32_t count; /* all but the free and the ended ones */
	uint32_t rows;
	struct client row[];
};

struct clients *clients_new(const struct clients_limits *limits)
{
	uint32_t rows = limits->clients + CLIENTS_LEAVERS;
	struct clients *c = calloc(1, sizeof(*c) + rows * sizeof(c->row[0]));

	if (!c)
		return NULL;
	c->limits = *limits;
	c->rows = rows;
	return c;
}

void clients_free(struct clients *c)
{
	free(c);
}

/* ---- one client */

static struct client *client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void phase_set(struct client *a, enum phase phase)
{
	if (a->phase == PHASE_ENDED)
		return;
	a->phase = phase;
	a->since_ns = process_now_ns();
}

static void client_address(struct client *a)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(a->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *from = info ? info->client_addr : NULL;

	a->local = true;
	if (from && from->sa_family == AF_INET6) {
		a->address = ((const struct sockaddr_in6 *)from)->sin6_addr;
		a->local = IN6_IS_ADDR_LOOPBACK(&a->address);
	} else if (from && from->sa_family == AF_INET) {
		const struct in_addr *v4 = &((const struct sockaddr_in *)from)->sin_addr;

		a->address.s6_addr[10] = a->address.s6_addr[11] = 0xff;
		memcpy(&a->address.s6_addr[12], v4, sizeof(*v4));
		a->local = a->address.s6_addr[12] == 127;
	}
}

static bool is_live(const struct client *a)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(a->connection, MHD_CONNECTION_INFO_CONNECTION_TIMEOUT);

	return info && !info->connection_timeout;
}

static void client_end(struct client *a)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(a->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	if (info)
		shutdown(info->connect_fd, SHUT_RDWR);
	a->phase = PHASE_ENDED;
	a->all->count--;
	a->all->ended++;
}

/* ---- room for a new client */

static bool is_counted(const struct client *a)
{
	return a->phase != PHASE_FREE && a->phase != PHASE_ENDED;
}

/* All addresses of loopback are one: a local program can use as many as it likes. */
static bool same_place(const struct client *a, const struct client *b)
{
	return (a->local && b->local) || !memcmp(&a->address, &b->address, sizeof(a->address));
}

static uint32_t count_of(const struct clients *c, const struct client *like)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < c->rows; i++)
		count += is_counted(&c->row[i]) && same_place(&c->row[i], like);
	return count;
}

static bool is_answered(const struct client *a, uint64_t now)
{
	return a->phase == PHASE_ANSWER || (a->phase == PHASE_NEXT && now - a->since_ns < PAUSE_NS);
}

/* How long the agent has waited for this client. */
static uint64_t weight_of(const struct client *a, uint64_t now)
{
	return is_answered(a, now) ? (now - a->busy_ns) / ANSWER_PATIENCE : now - a->since_ns;
}

/* Whether to end |a| rather than |b|: it has more clients at its address, else the longer wait. */
static bool goes_before(const struct clients *c, const struct client *a, const struct client *b,
			uint64_t now)
{
	uint32_t as = count_of(c, a), bs = count_of(c, b);

	return as != bs ? as > bs : weight_of(a, now) > weight_of(b, now);
}

/* The client to end for |newcomer| (NULL: for any); NULL: none. |only_its|: only one of its
 * address. */
static struct client *leaver(struct clients *c, const struct client *newcomer, bool only_its)
{
	uint64_t now = process_now_ns();
	struct client *found = NULL;

	for (uint32_t i = 0; i < c->rows; i++) {
		struct client *a = &c->row[i];

		if (a == newcomer || !is_counted(a) || (a->phase == PHASE_ANSWER && is_live(a)))
			continue;
		if (only_its && !same_place(a, newcomer))
			continue;
		if (!found || goes_before(c, a, found, now))
			found = a;
	}
	return found;
}

static void make_room(struct clients *c, struct client *newcomer)
{
	bool crowds = !newcomer->local && count_of(c, newcomer) > c->limits.clients / 2;
	struct client *found = NULL;

	if (crowds)
		found = leaver(c, newcomer, true);
	else if (c->count > c->limits.clients)
		found = leaver(c, newcomer, false);
	if (found || crowds)
		client_end(found ? found : newcomer);
}

static struct client *free_row(struct clients *c)
{
	for (uint32_t i = 0; i < c->rows; i++)
		if (c->row[i].phase == PHASE_FREE)
			return &c->row[i];
	return NULL; /* not reached: the daemon accepts no more clients than there are rows */
}

/* ---- notifications of libmicrohttpd */

void clients_notify(void *arg, struct MHD_Connection *connection, void **context,
		    enum MHD_ConnectionNotificationCode code)
{
	struct clients *c = arg;
	struct client *a = code == MHD_CONNECTION_NOTIFY_STARTED ? free_row(c) : *context;

	if (!a)
		return;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		c->count -= is_counted(a);
		*a = (struct client){.phase = PHASE_FREE};
		return;
	}
	*a = (struct client){.all = c, .connection = connection};
	client_address(a);
	phase_set(a, PHASE_FIRST);
	*context = a;
	c->count++;
	make_room(c, a);
}

void clients_answer(struct MHD_Connection *connection)
{
	struct client *a = client_of(connection);

	if (!a)
		return;
	if (!is_answered(a, process_now_ns()))
		a->busy_ns = process_now_ns();
	phase_set(a, PHASE_ANSWER);
}

void clients_completed(void *arg, struct MHD_Connection *connection, void **request,
		       enum MHD_RequestTerminationCode code)
{
	struct client *a = client_of(connection);

	(void)arg;
	(void)request;
	(void)code;
	if (a)
		phase_set(a, PHASE_NEXT);
}

/* ---- time */

static uint64_t time_of(const struct client *a)
{
	const struct clients_limits *limits = &a->all->limits;

	if (a->phase == PHASE_FIRST)
		return limits->request_ns;
	return a->phase == PHASE_NEXT ? limits->idle_ns : limits->answer_ns;
}

void clients_reap(struct clients *c)
{
	uint64_t now = process_now_ns();

	for (uint32_t i = 0; i < c->rows && c->count; i++) {
		struct client *a = &c->row[i];

		if (!is_counted(a) || now - a->since_ns <= time_of(a))
			continue;
		if (a->phase != PHASE_ANSWER || !is_live(a))
			client_end(a);
	}
	while (c->count > c->limits.clients) {
		struct client *a = leaver(c, NULL, false);

		if (!a)
			break;
		client_end(a);
	}
}

bool clients_any(const struct clients *c)
{
	return c->count > 0;
}

uint64_t clients_ended(const struct clients *c)
{
	return c->ended;
}
