/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A server in the test's own process, and clients of it: libcurl, plain sockets. */
#pragma once

#include "control/serve/serve.h"

#include "control/export/json.h"
#include "control/export/prometheus.h"
#include "control/serve/listen.h"
#include "control/signals/fixture_test.h"
#include "mesh-config/resolve/files.h"

#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#define REQUEST_RING 64

static struct signals *s;
static struct recent *recent;
static struct serve *server;
static bool is_ready;
static char directory[] = "/tmp/weft-serve-XXXXXX";
static char socket_path[64];

static const char *ready_why = "";

static inline bool ready(void *arg, char *why, size_t size)
{
	(void)arg;
	snprintf(why, size, "%s", ready_why);
	return is_ready;
}

static inline void status(void *arg, struct text *out)
{
	struct json j = json_to(out);

	(void)arg;
	json_put_object(&j, NULL);
	json_put_string(&j, "version", "test");
	json_put_object_end(&j);
	json_put_line(&j);
}

/* Two files with a free place between them; the second one takes several parts. */
static inline struct mesh_files *files(void *arg, uint64_t number, struct text *head,
				       struct error *err)
{
	static char large[40000];
	struct mesh_files *all;
	struct mesh_file *f;

	(void)arg;
	if (number > 1) {
		error_set(err, -ENOENT, "generation %u is not kept", (unsigned)number);
		return NULL;
	}
	for (size_t i = 0; i + 1 < sizeof(large); i++)
		large[i] = "\xe2\x82\xac\n"[i % 4];
	all = mesh_files_new(3);
	f = mesh_file_new("a.yaml", SLICE("\xef\xbb\xbf"
					  "a: \"\t1\"\n"));
	mesh_files_set(all, 0, f);
	mesh_file_put(f);
	f = mesh_file_new("b.yaml", (struct slice){large, sizeof(large) - 1});
	mesh_files_set(all, 2, f);
	mesh_file_put(f);
	text_string(head, "{\"generation\":1}\n");
	return all;
}

static inline struct serve *start(const char *listen, struct error *err)
{
	struct serve_options options = {
		.listen = listen, .socket_path = socket_path, .clients = 8, .request_s = 1};
	struct serve_source source = {
		.signals = s, .recent = recent, .ready = ready, .status = status, .files = files};

	return serve_new(&options, &source, err);
}

/* Setup of all tests: the directory of the socket. */
static inline int directory_make(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static inline int directory_remove(void **state)
{
	char inner[64];

	(void)state;
	snprintf(inner, sizeof(inner), "%s/new", directory);
	rmdir(inner);
	return rmdir(directory);
}

static inline int setup(void **state)
{
	(void)state;
	snprintf(socket_path, sizeof(socket_path), "%s/new/weftd.sock", directory);
	s = fixture_signals(signals_limits_default());
	recent = recent_new(REQUEST_RING, REQUEST_RING, REQUEST_RING);
	is_ready = true;
	server = start("127.0.0.1:0", NULL);
	return server ? 0 : -1;
}

static inline int teardown(void **state)
{
	(void)state;
	serve_free(server);
	listen_unix_remove(socket_path);
	recent_free(recent);
	signals_free(s);
	return 0;
}

/* ---- a client ---- */

struct fetch {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
	long code;
	char type[128];
	size_t used;
	char body[4 << 20];
};

static inline size_t take(char *data, size_t size, size_t count, void *arg)
{
	struct fetch *f = arg;

	assert_true(f->used + size * count < sizeof(f->body));
	memcpy(f->body + f->used, data, size * count);
	f->used += size * count;
	f->body[f->used] = 0;
	return size * count;
}

static inline struct fetch *fetch_new(const char *path, bool local)
{
	struct fetch *f = calloc(1, sizeof(*f));
	char url[512];

	snprintf(url, sizeof(url), "http://%s:%u%s", local ? "localhost" : "127.0.0.1",
		 local ? 80 : serve_port(server), path);
	f->easy = curl_easy_init();
	f->multi = curl_multi_init();
	curl_easy_setopt(f->easy, CURLOPT_URL, url);
	curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
	if (local)
		curl_easy_setopt(f->easy, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	return f;
}

static inline void fetch_free(struct fetch *f)
{
	curl_multi_remove_handle(f->multi, f->easy);
	curl_easy_cleanup(f->easy);
	curl_multi_cleanup(f->multi);
	curl_slist_free_all(f->headers);
	free(f);
}

static inline void serve_a_while(void)
{
	struct pollfd p = {.fd = serve_fd(server), .events = POLLIN};

	if (poll(&p, 1, 1) > 0)
		serve_run(server);
}

/* Runs client and server until the answer is complete or, with |until|, holds that text. */
static inline void fetch_run(struct fetch *f, const char *until)
{
	const char *type = NULL;
	int running = 1;

	for (unsigned i = 0; i < 20000 && running; i++) {
		curl_multi_perform(f->multi, &running);
		serve_a_while();
		if (until && strstr(f->body, until))
			break;
	}
	assert_true(until ? strstr(f->body, until) != NULL : !running);
	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &f->code);
	curl_easy_getinfo(f->easy, CURLINFO_CONTENT_TYPE, &type);
	snprintf(f->type, sizeof(f->type), "%s", type ? type : "");
}

static inline struct fetch *get(const char *path, bool local)
{
	struct fetch *f = fetch_new(path, local);

	curl_multi_add_handle(f->multi, f->easy);
	fetch_run(f, NULL);
	return f;
}

static inline void check_get(const char *path, bool local, long code, const char *holds)
{
	struct fetch *f = get(path, local);

	if (f->code != code || !strstr(f->body, holds))
		fail_msg("GET %s: %ld %s", path, f->code, f->body);
	fetch_free(f);
}

static inline unsigned lines_of(const struct fetch *f)
{
	unsigned lines = 0;

	for (const char *at = f->body; (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

static inline void add_requests(unsigned count, uint16_t code)
{
	struct request r = fixture_request();

	fixture_client_at.cookie = 0;
	r.status = code;
	for (unsigned i = 0; i < count; i++) {
		r.id = i;
		signals_request(s, &r);
		recent_add_request(recent, &r);
	}
}

static inline int socket_of(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		abort();
	return fd;
}
