// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* One array of entries, threaded by three kinds of lists: by age, by kind of secret, and two hash
 * indices (client random; the secret itself, to know the copy that the other end derived). Links
 * are indices + 1, 0 is none. */
#include "datapath/observe/secrets.h"

#include "base/table.h"
#include "datapath/decode/tls_context.h"
#include "datapath/observe/hellos.h"

#include <openssl/crypto.h>
#include <sys/mman.h>

#define BUCKETS	   4096
#define INDEX_BITS 16
#define KIND_MAX   7		  /* WEFT_SECRET_* */
#define KIND_SPENT KIND_MAX	  /* claimed: only its print and origin are left */
#define KIND_KEPT  (KIND_MAX + 1) /* claimed, and wanted by others with the same ClientHello */
#define KINDS	   (KIND_MAX + 2)
#define NEIGHBOURS 12 /* how far apart in the ring the secrets of one handshake may be */

struct links {
	uint32_t older;
	uint32_t newer;
};

struct ends {
	uint32_t oldest;
	uint32_t newest;
};

struct entry {
	struct tls_secret secret;
	struct tls_derived derived;
	uint64_t origin; /* the thread that derived it */
	uint64_t print;	 /* keyed hash of the secret */
	struct links age;
	struct links kind;
	uint32_t next_random; /* of the same bucket */
	uint32_t next_print;  /* of the same bucket; also threads the free list */
	uint8_t list;	      /* which list by kind it is in */
	uint8_t claimed_by;   /* connections of its session, as in hellos_bit */
	bool named; /* secret.client_random is set: known, or that of the connection a neighbour
		       belongs to */
};

/* Where a walk over candidates is, so that asking for the next one costs no new walk. */
struct place {
	const struct entry *entry;    /* the last one given; NULL at the start and at the end */
	const struct entry *ahead[2]; /* the next of this kind and of unknown kind */
	uint64_t generation;
	unsigned index;
	uint8_t which;
	bool likely; /* among those that bear the connection's name */
};

struct secrets {
	size_t size_bytes;
	uint64_t seed;
	uint64_t serial;
	uint64_t latest_ns;  /* of the last event */
	uint64_t generation; /* counts changes of the lists */
	uint32_t capacity;
	uint32_t used; /* entries ever handed out */
	uint32_t free_first;
	struct secrets_counts counts;
	struct tls_contexts *contexts;
	struct hellos *hellos;
	struct ends age;
	struct ends kinds[KINDS];
	struct place place;
	uint8_t asked_random[32]; /* of the connection that asked last */
	uint32_t by_random[BUCKETS];
	uint32_t by_print[BUCKETS];
	struct entry entries[];
};

static uint32_t number_of(const struct secrets *s, const struct entry *e)
{
	return e ? (uint32_t)(e - s->entries) + 1 : 0;
}

static struct entry *entry_at(struct secrets *s, uint32_t number)
{
	return number ? &s->entries[number - 1] : NULL;
}

/* ---- lists ---- */

static struct links *links_of(struct entry *e, bool by_kind)
{
	return by_kind ? &e->kind : &e->age;
}

static void list_add(struct secrets *s, struct ends *list, struct entry *e, bool by_kind)
{
	struct entry *before = entry_at(s, list->newest);

	*links_of(e, by_kind) = (struct links){.older = list->newest};
	if (before)
		links_of(before, by_kind)->newer = number_of(s, e);
	else
		list->oldest = number_of(s, e);
	list->newest = number_of(s, e);
}

static void list_remove(struct secrets *s, struct ends *list, struct entry *e, bool by_kind)
{
	struct links l = *links_of(e, by_kind);

	if (l.older)
		links_of(entry_at(s, l.older), by_kind)->newer = l.newer;
	else
		list->oldest = l.newer;
	if (l.newer)
		links_of(entry_at(s, l.newer), by_kind)->older = l.older;
	else
		list->newest = l.older;
}

static uint32_t *random_bucket(struct secrets *s, const uint8_t *client_random)
{
	return &s->by_random[table_hash(client_random, 32, s->seed) % BUCKETS];
}

static void random_add(struct secrets *s, struct entry *e, const uint8_t *client_random)
{
	uint32_t *bucket = random_bucket(s, client_random);

	memcpy(e->secret.client_random, client_random, 32);
	e->named = true;
	e->next_random = *bucket;
	*bucket = number_of(s, e);
}

static void random_remove(struct secrets *s, struct entry *e)
{
	uint32_t *link;

	if (!e->named)
		return;
	link = random_bucket(s, e->secret.client_random);
	while (*link != number_of(s, e))
		link = &entry_at(s, *link)->next_random;
	*link = e->next_random;
	e->named = false;
}

static struct entry *print_find(struct secrets *s, uint64_t print)
{
	uint32_t number = s->by_print[print % BUCKETS];

	while (number && entry_at(s, number)->print != print)
		number = entry_at(s, number)->next_print;
	return entry_at(s, number);
}

/* ---- entries ---- */

static void entry_wipe(struct entry *e)
{
	OPENSSL_cleanse(e->secret.secret, sizeof(e->secret.secret));
	OPENSSL_cleanse(&e->derived, sizeof(e->derived));
}

static void entry_free(struct secrets *s, struct entry *e)
{
	uint32_t *link = &s->by_print[e->print % BUCKETS];

	if (e->list != KIND_SPENT)
		s->counts.waiting--;
	entry_wipe(e);
	list_remove(s, &s->age, e, false);
	list_remove(s, &s->kinds[e->list], e, true);
	random_remove(s, e);
	while (*link != number_of(s, e))
		link = &entry_at(s, *link)->next_print;
	*link = e->next_print;
	e->next_print = s->free_first;
	s->free_first = number_of(s, e);
	s->generation++;
}

/* A free entry; when there is none the oldest claimed one goes, else the oldest of all. */
static struct entry *entry_new(struct secrets *s)
{
	struct entry *e;

	if (!s->free_first && s->used < s->capacity)
		return &s->entries[s->used++];
	if (!s->free_first) {
		e = entry_at(s, s->kinds[KIND_SPENT].oldest);
		s->counts.full += !e;
		entry_free(s, e ? e : entry_at(s, s->age.oldest));
	}
	e = entry_at(s, s->free_first);
	s->free_first = e->next_print;
	return e;
}

/* ---- neighbours: what one thread derived in a row is most likely of one handshake ---- */

static struct entry *neighbour_next(struct secrets *s, const struct entry *e, bool newer)
{
	return entry_at(s, newer ? e->age.newer : e->age.older);
}

/* Names the waiting secrets that were derived beside |claimed|, up to the next of the same kind:
 * that begins another handshake. */
static void neighbours_name(struct secrets *s, struct entry *claimed, bool newer)
{
	struct entry *e = claimed;

	for (int i = 0; i < NEIGHBOURS; i++) {
		e = neighbour_next(s, e, newer);
		if (!e)
			return;
		if (e->origin != claimed->origin)
			continue;
		if (e->secret.which == claimed->secret.which && e->secret.which)
			return;
		if (e->list != KIND_SPENT && !e->named)
			random_add(s, e, s->asked_random);
	}
}

/* Names a new secret after the connection that claimed the one its thread derived before it. */
static void neighbour_inherit(struct secrets *s, struct entry *e)
{
	const struct entry *before = e;

	for (int i = 0; i < NEIGHBOURS; i++) {
		before = neighbour_next(s, before, false);
		if (!before)
			return;
		if (before->origin != e->origin)
			continue;
		if (before->named && !before->secret.has_client_random &&
		    (before->secret.which != e->secret.which || !e->secret.which))
			random_add(s, e, before->secret.client_random);
		return;
	}
}

/* ---- candidates ---- */

static bool is_of_kind(const struct entry *e, uint8_t which)
{
	uint8_t kind = e->list == KIND_KEPT ? e->secret.which : e->list;

	return kind == which || (kind == WEFT_SECRET_UNKNOWN && which != WEFT_SECRET_MASTER);
}

static bool is_named(const struct entry *e, const uint8_t *client_random)
{
	return e->named && !memcmp(e->secret.client_random, client_random, 32);
}

/* The newest of those not given yet that no name rules out. */
static const struct entry *unnamed_next(struct secrets *s)
{
	struct place *p = &s->place;

	for (;;) {
		const struct entry *a = p->ahead[0], *b = p->ahead[1];
		int newer = !a || (b && b->secret.id > a->secret.id);
		const struct entry *e = p->ahead[newer];

		if (!e)
			return NULL;
		p->ahead[newer] = entry_at(s, e->kind.older);
		if (!e->secret.has_client_random && !is_named(e, s->asked_random))
			return e;
	}
}

static void place_begin(struct secrets *s, uint8_t which)
{
	struct place *p = &s->place;

	*p = (struct place){.which = which, .generation = s->generation, .likely = true};
	if (which == WEFT_SECRET_MASTER)
		return; /* only with the right client random */
	p->ahead[0] = entry_at(s, s->kinds[which].newest);
	if (which != WEFT_SECRET_UNKNOWN)
		p->ahead[1] = entry_at(s, s->kinds[WEFT_SECRET_UNKNOWN].newest);
}

static void place_advance(struct secrets *s)
{
	struct place *p = &s->place;
	const struct entry *e = NULL;

	if (p->likely)
		e = entry_at(s,
			     p->entry ? p->entry->next_random : *random_bucket(s, s->asked_random));
	while (e && !(is_named(e, s->asked_random) && is_of_kind(e, p->which)))
		e = entry_at(s, e->next_random);
	if (!e) {
		p->likely = false;
		e = unnamed_next(s);
	}
	p->entry = e;
}

/* tls_secrets.candidate */
static const struct tls_secret *candidate(void *arg, const uint8_t client_random[32], uint8_t which,
					  unsigned index)
{
	struct secrets *s = arg;
	struct place *p = &s->place;
	struct entry *e;

	if (!index || index != p->index + 1 || which != p->which ||
	    p->generation != s->generation || memcmp(s->asked_random, client_random, 32) != 0) {
		memcpy(s->asked_random, client_random, 32);
		place_begin(s, which);
		for (unsigned i = 0; i < index; i++)
			place_advance(s);
	}
	p->index = index;
	place_advance(s);
	if (!p->entry)
		return NULL;
	e = (struct entry *)p->entry;
	e->secret.likely = p->likely;
	return &e->secret;
}

/* Moves a secret to a list of claimed ones. */
static void entry_move(struct secrets *s, struct entry *e, uint8_t list)
{
	s->counts.claimed += e->list != KIND_KEPT;
	list_remove(s, &s->kinds[e->list], e, true);
	e->list = list;
	list_add(s, &s->kinds[list], e, true);
	s->generation++;
}

static void entry_spend(struct secrets *s, struct entry *e)
{
	entry_wipe(e);
	entry_move(s, e, KIND_SPENT);
	s->counts.waiting--;
}

/* Wipes a kept secret that no connection of its session needs any more. */
static void kept_review(struct secrets *s, struct entry *e)
{
	if (!(hellos_present(s->hellos, e->secret.client_random) & ~e->claimed_by))
		entry_spend(s, e);
}

static void kept_review_all(struct secrets *s, const uint8_t *client_random)
{
	uint32_t number = *random_bucket(s, client_random);

	while (number) {
		struct entry *e = entry_at(s, number);

		number = e->next_random;
		if (e->list == KIND_KEPT && is_named(e, client_random))
			kept_review(s, e);
	}
}

/* tls_secrets.claim */
static void claim(void *arg, uint64_t id, uint64_t ticket)
{
	struct secrets *s = arg;
	uint32_t index = (uint32_t)(id & ((1u << INDEX_BITS) - 1));
	struct entry *e = &s->entries[index];

	if (index >= s->used || e->secret.id != id || e->list == KIND_SPENT)
		return;
	if (!e->secret.has_client_random && e->list != KIND_KEPT) {
		random_remove(s, e);
		random_add(s, e, s->asked_random);
		neighbours_name(s, e, true);
		neighbours_name(s, e, false);
	}
	e->claimed_by |= hellos_bit(s->hellos, s->asked_random, ticket);
	if (e->list != KIND_KEPT)
		entry_move(s, e, KIND_KEPT);
	kept_review(s, e);
}

/* tls_secrets.hello */
static uint64_t hello(void *arg, const uint8_t client_random[32])
{
	struct secrets *s = arg;
	uint8_t forgotten[32];
	bool forgot;
	uint64_t ticket = hellos_add(s->hellos, client_random, forgotten, &forgot);

	if (forgot)
		kept_review_all(s, forgotten);
	return ticket;
}

/* tls_secrets.leave */
static void leave(void *arg, const uint8_t client_random[32], uint64_t ticket)
{
	struct secrets *s = arg;

	hellos_leave(s->hellos, client_random, ticket);
	kept_review_all(s, client_random);
}

static struct entry *entry_add(struct secrets *s, const struct weft_secret *event, uint64_t print)
{
	struct entry *e = entry_new(s);
	uint32_t *bucket = &s->by_print[print % BUCKETS];

	e->secret.derived = &e->derived;
	e->secret.tls_version = event->tls_version;
	e->secret.which = event->which;
	e->secret.digest = event->digest;
	e->secret.secret_bytes = event->secret_bytes;
	e->secret.has_client_random = event->has_client_random;
	memcpy(e->secret.secret, event->secret, event->secret_bytes);
	memcpy(e->secret.server_random, event->server_random, 32);
	e->secret.time_ns = event->event.time_ns;
	e->origin = (uint64_t)event->pid << 32 | event->tid;
	e->list = event->which;
	e->claimed_by = 0;
	e->named = false;
	e->print = print;
	e->next_print = *bucket;
	*bucket = number_of(s, e);
	e->secret.id = ++s->serial << INDEX_BITS | (uint64_t)(e - s->entries);
	list_add(s, &s->age, e, false);
	list_add(s, &s->kinds[e->list], e, true);
	s->counts.waiting++;
	s->generation++;
	return e;
}

/* tls_secrets.known: spends it, here or on its way. */
static void known(void *arg, const uint8_t *secret, size_t secret_bytes)
{
	struct secrets *s = arg;
	struct weft_secret event = {.event.time_ns = s->latest_ns};
	uint64_t print = table_hash(secret, secret_bytes, s->seed);
	struct entry *e = print_find(s, print);

	if (!e)
		e = entry_add(s, &event, print);
	if (e->list != KIND_SPENT)
		entry_spend(s, e);
}

/* ---- public ---- */

/* The system calls of this file: locked and kept out of core dumps where the limits allow it; pages
 * are locked when they are first touched. */
static void *memory_reserve_locked(size_t size_bytes)
{
	void *p =
		mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)mlock2(p, size_bytes, MLOCK_ONFAULT);
	(void)madvise(p, size_bytes, MADV_DONTDUMP);
	(void)madvise(p, size_bytes, MADV_WIPEONFORK);
	return p;
}

struct secrets *secrets_new(uint32_t capacity, uint64_t seed)
{
	struct secrets *s;
	size_t size_bytes;

	if (!capacity)
		capacity = 1;
	if (capacity > 1u << INDEX_BITS)
		capacity = 1u << INDEX_BITS;
	size_bytes = sizeof(*s) + capacity * sizeof(struct entry);
	s = memory_reserve_locked(size_bytes);
	if (!s)
		return NULL;
	s->size_bytes = size_bytes;
	s->capacity = capacity;
	s->seed = seed;
	s->hellos = hellos_new(capacity, seed);
	if (!s->hellos) {
		munmap(s, size_bytes);
		return NULL;
	}
	s->contexts = tls_contexts_new(); /* without them it is only slower */
	return s;
}

void secrets_free(struct secrets *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->used; i++)
		entry_wipe(&s->entries[i]);
	tls_contexts_free(s->contexts);
	hellos_free(s->hellos);
	munmap(s, s->size_bytes);
}

/* A resumed session of TLS 1.2 has the master secret of the session before: its random tells them
 * apart. */
static uint64_t print_of(const struct secrets *s, const struct weft_secret *event)
{
	uint64_t seed = s->seed;

	if (event->which == WEFT_SECRET_MASTER)
		seed = table_hash(event->client_random, sizeof(event->client_random), seed);
	return table_hash(event->secret, event->secret_bytes, seed);
}

void secrets_add(struct secrets *s, const struct weft_secret *event)
{
	struct entry *e;
	uint64_t print;

	if (event->which >= KIND_MAX || (event->secret_bytes != 32 && event->secret_bytes != 48) ||
	    (event->which == WEFT_SECRET_MASTER && !event->has_client_random)) {
		s->counts.invalid++;
		return;
	}
	print = print_of(s, event);
	s->latest_ns = event->event.time_ns;
	if (print_find(s, print)) {
		s->counts.repeated++;
		return;
	}
	e = entry_add(s, event, print);
	if (e->secret.has_client_random)
		random_add(s, e, event->client_random);
	else
		neighbour_inherit(s, e);
}

void secrets_expire(struct secrets *s, uint64_t before_ns)
{
	struct entry *e = entry_at(s, s->age.oldest);

	while (e && e->secret.time_ns < before_ns) {
		s->counts.expired += e->list < KIND_MAX;
		s->counts.unshared += e->list == KIND_KEPT;
		entry_free(s, e);
		e = entry_at(s, s->age.oldest);
	}
}

struct tls_secrets secrets_source(struct secrets *s)
{
	return (struct tls_secrets){.arg = s,
				    .candidate = candidate,
				    .hello = hello,
				    .leave = leave,
				    .claim = claim,
				    .known = known,
				    .contexts = s->contexts};
}

const struct secrets_counts *secrets_counts(const struct secrets *s)
{
	return &s->counts;
}
