// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The server as its clients see it: libcurl over loopback and a unix socket, jansson to parse its
 * answers. */
#include "control/serve/serve.h"

#include "control/serve/serve_fixture_test.h"

/* ---- metrics, readiness ---- */

static void test_paths(void **state)
{
	(void)state;
	check_get("/healthz", false, 200, "ok\n");
	check_get("/ready", false, 200, "ready\n");
	is_ready = false;
	check_get("/ready", false, 503, "not ready\n");
	ready_why = "in force: last good; a.yaml:1:1";
	check_get("/ready", false, 503, "not ready: in force: last good; a.yaml:1:1\n");
	is_ready = true;
	check_get("/ready", false, 200, "ready: in force: last good; a.yaml:1:1\n");
	ready_why = "";
	check_get("/", false, 200, "/stats/prometheus");
	check_get("/nothing", false, 404, "no such path");
	check_get("/api/v1/edges", false, 404, "no such path");
	check_get("/api/v1/status", true, 200, "{\"version\":\"test\"}\n");
	check_get("/api/v1/check", true, 404, "does not say");
	check_get("/api/v1/mesh", true, 404, "this agent has no mesh");
	check_get("/api/v1/services", true, 404, "this agent has no mesh");
	check_get("/api/v1/endpoints", true, 404, "this agent has no mesh");
	check_get("/metrics", true, 200, "istio_build{");
	check_get("/stats/prometheus", false, 200, "istio_build{");
}

static void test_scrapes_in_both_formats(void **state)
{
	struct fetch *f;

	(void)state;
	add_requests(3, 200);
	f = get("/metrics", false);
	assert_string_equal(f->type, PROMETHEUS_TEXT_TYPE);
	assert_non_null(strstr(f->body, "connection_security_policy=\"none\"} 3\n"));
	fetch_free(f);
	f = fetch_new("/metrics", false);
	f->headers = curl_slist_append(NULL, "Accept: application/openmetrics-text");
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
	curl_multi_add_handle(f->multi, f->easy);
	fetch_run(f, NULL);
	assert_string_equal(f->type, PROMETHEUS_OPENMETRICS_TYPE);
	assert_string_equal(f->body + f->used - 6, "# EOF\n");
	fetch_free(f);
}

static long code_of(struct fetch *f)
{
	long code;

	curl_multi_add_handle(f->multi, f->easy);
	fetch_run(f, NULL);
	code = f->code;
	fetch_free(f);
	return code;
}

static long code_with_host(const char *header)
{
	struct fetch *f = fetch_new("/metrics", false);

	f->headers = curl_slist_append(NULL, header);
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
	return code_of(f);
}

static long code_with_method(const char *method)
{
	struct fetch *f = fetch_new("/metrics", false);

	curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, method);
	return code_of(f);
}

static void test_foreign_hosts_and_methods_are_refused(void **state)
{
	struct fetch *f = fetch_new("/metrics", false);

	(void)state;
	assert_int_equal(code_with_host("Host: evil.example:15090"), 403);
	assert_int_equal(code_with_host("Host: localhost.evil.example"), 403);
	assert_int_equal(code_with_host("Host: 127.0.0.1:15090@evil.example"), 403);
	assert_int_equal(code_with_host("Host: 127.0.0.1:evil.example"), 403);
	assert_int_equal(code_with_host("Host: localhost:80,evil.example"), 403);
	assert_int_equal(code_with_host("Host: [::1]:80 evil.example"), 403);
	assert_int_equal(code_with_host("Host: 127.0.0.1:"), 200);
	assert_int_equal(code_with_host("Host: 127.0.0.1:9"), 200);
	assert_int_equal(code_with_host("Host: [::1]:9"), 200);
	assert_int_equal(code_with_host("Host: LOCALHOST"), 200);
	assert_int_equal(code_with_method("DELETE"), 405);
	curl_easy_setopt(f->easy, CURLOPT_POSTFIELDS, "a=b");
	assert_int_equal(code_of(f), 405);
	f = fetch_new("/metrics", false);
	curl_easy_setopt(f->easy, CURLOPT_NOBODY, 1L);
	assert_int_equal(code_of(f), 200);
}

/* ---- API ---- */

static void test_recent_requests(void **state)
{
	struct fetch *f;
	json_t *v;

	(void)state;
	add_requests(30, 200);
	add_requests(5, 404);
	f = get("/api/v1/requests", true);
	assert_int_equal(lines_of(f), 20);
	v = json_loadb(f->body, (size_t)(strchr(f->body, '\n') - f->body), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(v, "source")), "curl");
	assert_string_equal(json_string_value(json_object_get(v, "client")), "10.0.0.1:40000");
	assert_string_equal(json_string_value(json_object_get(v, "path")), "/");
	assert_int_equal(json_integer_value(json_object_get(v, "status")), 200);
	assert_int_equal(json_integer_value(json_object_get(v, "id")), 15);
	json_decref(v);
	fetch_free(f);
	f = get("/api/v1/requests?last=3&status=4xx", true);
	assert_int_equal(lines_of(f), 3);
	fetch_free(f);
	f = get("/api/v1/requests?last=all&from=curl&to=n*&method=GET&path=%2F&protocol=http",
		true);
	assert_int_equal(lines_of(f), 35);
	fetch_free(f);
	check_get("/api/v1/requests?status=many", true, 400, "{\"error\":\"status is");
	check_get("/api/v1/requests?colour=red", true, 400, "unknown key \\\"colour\\\"");
	check_get("/api/v1/requests?last=x", true, 400, "last is");
}

static void test_live_requests(void **state)
{
	struct fetch *f = fetch_new("/api/v1/requests?follow=1&status=5%2B", true);

	(void)state;
	curl_multi_add_handle(f->multi, f->easy);
	for (unsigned i = 0; i < 50; i++) {
		int running;

		curl_multi_perform(f->multi, &running);
		serve_a_while();
	}
	assert_int_equal(f->used, 0);
	add_requests(2, 200);
	serve_wake(server);
	add_requests(1, 503);
	serve_wake(server);
	fetch_run(f, "\"status\":503");
	assert_int_equal(lines_of(f), 1);
	add_requests(4 * REQUEST_RING, 500);
	serve_wake(server);
	fetch_run(f, "\"id\":255");
	assert_non_null(strstr(f->body, "{\"lost\":192}\n"));
	assert_int_equal(lines_of(f), 1 + 1 + 64);
	assert_int_equal(serve_lost(server), 192);
	fetch_free(f);
}

static void test_a_sleeping_client_that_leaves_gives_its_place_back(void **state)
{
	struct fetch *sleepers[8];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		int running;

		sleepers[i] = fetch_new("/api/v1/requests?follow=1", true);
		curl_multi_add_handle(sleepers[i]->multi, sleepers[i]->easy);
		for (unsigned n = 0; n < 20; n++) {
			curl_multi_perform(sleepers[i]->multi, &running);
			serve_a_while();
		}
	}
	for (unsigned i = 0; i < 8; i++)
		fetch_free(sleepers[i]);
	check_get("/healthz", true, 200, "ok\n");
}

static void test_connections(void **state)
{
	struct connection c = fixture_connection(5, CONNECTION_ALIVE, "http1");
	struct fetch *f;

	(void)state;
	fixture_client_at.cookie = 0;
	c.sent_bytes = 77;
	signals_connection(s, &c);
	f = get("/api/v1/connections", true);
	assert_non_null(strstr(f->body, "\"sent_bytes\":null,\"received_bytes\":null"));
	fetch_free(f);
	c.bytes_known = true;
	signals_connection(s, &c);
	recent_add_connection(recent, &c);
	f = get("/api/v1/connections", true);
	assert_int_equal(lines_of(f), 1);
	assert_non_null(strstr(f->body, "\"sent_bytes\":77"));
	assert_non_null(strstr(f->body, "\"event\":\"alive\""));
	fetch_free(f);
	c.closing = true;
	signals_connection(s, &c);
	f = get("/api/v1/connections", true);
	assert_non_null(strstr(f->body, "\"event\":\"closing\""));
	fetch_free(f);
	c.phase = CONNECTION_CLOSED;
	c.counters.flags = WEFT_END_RESET_SENT;
	signals_connection(s, &c);
	recent_add_connection(recent, &c);
	check_get("/api/v1/connections", true, 200, "");
	f = get("/api/v1/connections?last=10", true);
	assert_int_equal(lines_of(f), 1);
	assert_non_null(strstr(f->body, "\"event\":\"closed\""));
	assert_non_null(strstr(f->body, "\"end\":[\"reset_sent\"]"));
	fetch_free(f);
	fixture_client_at.port = 0;
	c.counters.flags = WEFT_END_FAILED | WEFT_END_ABANDONED;
	recent_add_connection(recent, &c);
	f = get("/api/v1/connections?last=1", true);
	assert_non_null(strstr(f->body, "\"end\":[\"failed\",\"abandoned\"]"));
	assert_non_null(strstr(f->body, "\"client\":\"10.0.0.1\","));
	fetch_free(f);
	fixture_client_at.port = 40000;
}

/* Names that a record of a connection shows in part say so. */
static void test_long_names_of_tls(void **state)
{
	struct connection c = fixture_connection(6, CONNECTION_CLOSED, "http2");
	struct tls_facts facts = {.version = 0x0304, .alpn = "istio-http/1.1"};
	struct fetch *f;

	(void)state;
	fixture_client_at.cookie = 0;
	c.encrypted = true;
	c.tls = &facts;
	for (int bytes = 63; bytes <= 64; bytes++) {
		memset(facts.sni, 's', (size_t)bytes);
		recent_add_connection(recent, &c);
		f = get("/api/v1/connections?last=1", true);
		assert_non_null(strstr(f->body, "s\",\"alpn\":\"istio-http/1.1\""));
		assert_int_equal(!!strstr(f->body, "\"incomplete\":[\"cut\"]"), bytes > 63);
		fetch_free(f);
	}
	facts = (struct tls_facts){.version = 0x0304, .names_cut = true};
	recent_add_connection(recent, &c);
	f = get("/api/v1/connections?last=1", true);
	assert_non_null(strstr(f->body, "\"incomplete\":[\"cut\"]"));
	fetch_free(f);
}

static void test_edges(void **state)
{
	struct fetch *f;
	json_t *v;

	(void)state;
	add_requests(20, 200);
	add_requests(20, 500);
	signals_tick(s, 102 * FIXTURE_SECOND);
	f = get("/api/v1/edges", true);
	assert_int_equal(lines_of(f), 1);
	v = json_loadb(f->body, f->used, 0, NULL);
	assert_non_null(v);
	assert_non_null(strstr(f->body, "\"request_rate\":20,\"error_share\":0.5,"));
	assert_non_null(strstr(f->body, "\"queue_fill\":null"));
	assert_non_null(strstr(f->body, "\"self\":false"));
	json_decref(v);
	fetch_free(f);
	check_get("/api/v1/edges?from=nobody", true, 200, "");
	check_get("/api/v1/edges?status=5xx", true, 400,
		  "{\"error\":\"edges have no status to ask for\"}\n");
}

static void test_files(void **state)
{
	struct fetch *f = get("/api/v1/config", true);
	unsigned euros = 0;

	(void)state;
	assert_int_equal(lines_of(f), 7);
	assert_non_null(strstr(f->body, "{\"file\":\"a.yaml\",\"text\":\"a: \\\"\\t1\\\"\\n\"}\n"));
	for (const char *at = f->body; (at = strstr(at, "\xe2\x82\xac")); at++)
		euros++;
	assert_int_equal(euros, 10000);
	fetch_free(f);
	check_get("/api/v1/config?generation=1", true, 200, "{\"generation\":1}");
	check_get("/api/v1/config?generation=2", true, 404, "generation 2 is not kept");
	check_get("/api/v1/config?generation=x", true, 400, "generation is a number");
	check_get("/api/v1/config", false, 404, "no such path");
}

/* ---- sockets ---- */

static void make_file(const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		abort();
	fclose(file);
}

static void test_the_unix_socket_is_private(void **state)
{
	struct stat st;
	struct error err = {0};

	(void)state;
	assert_int_equal(stat(socket_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_null(start(NULL, &err));
	assert_int_equal(err.code, -EADDRINUSE);
	check_get("/healthz", true, 200, "ok\n");
	listen_unix_remove(socket_path);
	assert_int_equal(stat(socket_path, &st), 0);
	serve_free(server);
	listen_unix_remove(socket_path);
	assert_int_equal(stat(socket_path, &st), -1);
	server = NULL;
}

static void test_stale_sockets_are_replaced_other_files_are_not(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct error err = {0};
	int fd = socket_of(AF_UNIX);

	(void)state;
	serve_free(server);
	listen_unix_remove(socket_path);
	fixture_set(a.sun_path, socket_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	close(fd);
	server = start(NULL, &err);
	assert_non_null(server);
	serve_free(server);
	listen_unix_remove(socket_path);
	make_file(socket_path);
	server = start(NULL, &err);
	assert_null(server);
	assert_int_equal(err.code, -EEXIST);
	listen_unix_remove(socket_path);
	assert_int_equal(access(socket_path, F_OK), 0);
	unlink(socket_path);
}

static void check_bad_address(const char *address)
{
	struct serve_options options = {.listen = address};
	struct serve_source source = {.signals = s, .recent = recent};
	struct error err = {0};

	assert_null(serve_new(&options, &source, &err));
	assert_int_equal(err.code, -EINVAL);
}

static void test_addresses(void **state)
{
	struct error err = {0};
	char taken[32];

	(void)state;
	check_bad_address("15090");
	check_bad_address("example.org:80");
	check_bad_address("127.0.0.1:");
	check_bad_address("127.0.0.1:http");
	check_bad_address("127.0.0.1:99999");
	check_bad_address("127.0.0.1:-1");
	check_bad_address("127.0.0.1:+80");
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", serve_port(server));
	snprintf(socket_path, sizeof(socket_path), "%s/new/other.sock", directory);
	assert_null(start(taken, &err));
	assert_int_equal(err.code, -EADDRINUSE);
}

/* ---- bad clients ---- */

static void test_garbage_and_huge_headers(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	char junk[100000];
	struct fetch *f = fetch_new("/healthz", false);
	int fd = socket_of(AF_INET);

	(void)state;
	a.sin_port = htons(serve_port(server));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	for (unsigned i = 0; i < sizeof(junk); i++)
		junk[i] = (char)(i * 31);
	for (unsigned i = 0; i < 20; i++) {
		serve_a_while();
		if (send(fd, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			break;
	}
	close(fd);
	memset(junk, 'x', sizeof(junk) - 1);
	memcpy(junk, "X-Big: ", 7);
	junk[sizeof(junk) - 1] = 0;
	f->headers = curl_slist_append(NULL, junk);
	curl_easy_setopt(f->easy, CURLOPT_HTTPHEADER, f->headers);
	assert_true(code_of(f) >= 400);
	check_get("/healthz", false, 200, "ok\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_paths),
		T(test_scrapes_in_both_formats),
		T(test_foreign_hosts_and_methods_are_refused),
		T(test_recent_requests),
		T(test_live_requests),
		T(test_a_sleeping_client_that_leaves_gives_its_place_back),
		T(test_connections),
		T(test_long_names_of_tls),
		T(test_edges),
		T(test_files),
		T(test_the_unix_socket_is_private),
		T(test_stale_sockets_are_replaced_other_files_are_not),
		T(test_addresses),
		T(test_garbage_and_huge_headers),
	};

	return cmocka_run_group_tests(tests, directory_make, directory_remove);
}
