/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For tests of the keys probe: runs a script and compares what was caught with the key log that it
 * wrote. */
#pragma once

#include "datapath/attach/tls/keys_fixture_test.h"

#define LOGGED_MAX 256

/* One line of a key log (the NSS key log format). */
struct logged {
	uint8_t which;
	uint8_t client_random[32];
	uint8_t secret[64];
	size_t secret_bytes;
};

static const struct label {
	const char *name;
	uint8_t which;
} labels[] = {
	{"CLIENT_RANDOM", WEFT_SECRET_MASTER},
	{"CLIENT_HANDSHAKE_TRAFFIC_SECRET", WEFT_SECRET_CLIENT_HANDSHAKE},
	{"SERVER_HANDSHAKE_TRAFFIC_SECRET", WEFT_SECRET_SERVER_HANDSHAKE},
	{"CLIENT_TRAFFIC_SECRET_0", WEFT_SECRET_CLIENT_TRAFFIC},
	{"SERVER_TRAFFIC_SECRET_0", WEFT_SECRET_SERVER_TRAFFIC},
	{"CLIENT_EARLY_TRAFFIC_SECRET", WEFT_SECRET_CLIENT_EARLY},
};

static inline void need(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", program);
	if (geteuid() || system(command))
		skip();
}

static inline void run(const char *script)
{
	char *command = NULL;

	pthread_mutex_lock(&fx.lock);
	fx.count = 0;
	pthread_mutex_unlock(&fx.lock);
	assert_true(asprintf(&command, "cd $T && rm -f log && %s", script) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	usleep(100 * 1000);
}

static inline size_t unhex(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;

	while (n < max && sscanf(hex + 2 * n, "%2hhx", &out[n]) == 1)
		n++;
	return n;
}

static inline bool parse_logged(const char *line, struct logged *l)
{
	char name[64], random[65], secret[129];

	if (sscanf(line, "%63s %64s %128s", name, random, secret) != 3)
		return false;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (strcmp(name, labels[i].name))
			continue;
		memset(l, 0, sizeof(*l));
		l->which = labels[i].which;
		unhex(random, l->client_random, 32);
		l->secret_bytes = unhex(secret, l->secret, 64);
		return true;
	}
	return false;
}

/* Both ends of a handshake may write the same log. */
static inline bool is_new(const struct logged *log, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!memcmp(&log[i], &log[n], sizeof(log[n])))
			return false;
	return true;
}

static inline unsigned read_log(struct logged *out)
{
	char path[96], line[512];
	FILE *f cleanup_fclose = NULL;
	unsigned n = 0;

	snprintf(path, sizeof(path), "%s/log", fx.dir);
	f = fopen(path, "re");
	while (f && n < LOGGED_MAX && fgets(line, sizeof(line), f))
		n += parse_logged(line, &out[n]) && is_new(out, n);
	return n;
}

static inline bool is_logged(const struct weft_secret *s, const struct logged *l)
{
	return s->secret_bytes == l->secret_bytes && s->which == l->which &&
	       !memcmp(s->secret, l->secret, l->secret_bytes) &&
	       (!s->has_client_random || !memcmp(s->client_random, l->client_random, 32));
}

/* Waits, up to ten seconds, until so many secrets are caught: their ring may be read late. */
static inline void wait_caught(unsigned count)
{
	for (int i = 0; i < 200 && __atomic_load_n(&fx.count, __ATOMIC_RELAXED) < count; i++)
		usleep(50 * 1000);
}

/* Every logged secret was caught |ends| times, and nothing else but |unnamed| secrets was. */
static inline void expect_log(unsigned ends, unsigned logged_min, unsigned unnamed)
{
	struct logged log[LOGGED_MAX];
	unsigned n = read_log(log), named = 0;

	assert_true(n >= logged_min);
	wait_caught(n * ends + unnamed);
	for (unsigned i = 0; i < n; i++) {
		unsigned found = 0;

		for (unsigned j = 0; j < fx.count; j++)
			found += is_logged(&fx.caught[j], &log[i]);
		if (found != ends)
			fail_msg("secret of kind %u was caught %u times, not %u (%u logged, %u "
				 "caught)",
				 log[i].which, found, ends, n, fx.count);
		named += found;
	}
	assert_int_equal(fx.count, named + unnamed);
}

static inline void expect_facts(uint16_t version, uint8_t digest)
{
	for (unsigned j = 0; j < fx.count; j++) {
		assert_int_equal(fx.caught[j].tls_version, version);
		assert_int_equal(fx.caught[j].digest, digest);
		assert_int_not_equal(fx.caught[j].pid, 0);
		assert_int_equal(fx.caught[j].has_client_random,
				 !fx.derive_only || version == 0x0303);
	}
}

#define SERVE(arguments)                                                                           \
	"{ openssl s_server -accept 127.0.0.1:4433 -cert crt -key key -quiet " arguments           \
	" >/dev/null 2>&1 & s=$!; for i in $(seq 50); do ss -Hltn | grep -q :4433 && break; "      \
	"sleep 0.05; done; "
#define END	 "; r=$?; kill $s; wait $s 2>/dev/null; exit $r; }"
#define CURL	 "SSLKEYLOGFILE=log curl -sk -o /dev/null "
#define URL	 " https://127.0.0.1:4433/ "
#define S_CLIENT "openssl s_client -connect 127.0.0.1:4433 -keylogfile log "
#define QUIETLY	 " >/dev/null 2>&1"
