// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libcurl over a unix socket; lines are split and parsed as they arrive. */
#include "control/cli/client.h"

#include "control/cli/fail.h"
#include "control/cli/show.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES (256 * 1024)
#define PIECE_BYTES    (64L * 1024)

struct reader {
	CURL *curl;
	client_line_fn line; /* NULL: lines go to standard output as they are */
	void *arg;
	char *buffer; /* LINE_MAX_BYTES */
	size_t used;
	bool stopped; /* by the line function */
	bool bad;     /* not JSON */
};

void client_url_start(struct client_url *url, const char *path)
{
	*url = (struct client_url){.has_query = strchr(path, '?') != NULL};
	snprintf(url->text, sizeof(url->text), "http://localhost%s", path);
}

void client_url_add(struct client_url *url, const char *key, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	size_t used = strlen(url->text);
	int n = snprintf(url->text + used, sizeof(url->text) - used, "%c%s=%s",
			 url->has_query ? '&' : '?', key, escaped ? escaped : "");

	url->overflow |= !escaped || n < 0 || used + (size_t)n >= sizeof(url->text);
	url->has_query = true;
	curl_free(escaped);
}

static bool give_line(struct reader *r)
{
	json_error_t problem;
	json_t *object;

	r->buffer[r->used] = 0;
	r->used = 0;
	if (!r->buffer[0])
		return true;
	object = json_loads(r->buffer, JSON_ALLOW_NUL, &problem);
	if (!object) {
		r->bad = true;
		return false;
	}
	r->stopped = r->line(r->arg, r->buffer, object) != 0;
	json_decref(object);
	return !r->stopped;
}

static bool keep(struct reader *r, const char *data, size_t count)
{
	if (count >= LINE_MAX_BYTES - r->used)
		return false;
	memcpy(r->buffer + r->used, data, count);
	r->used += count;
	return true;
}

/* Takes the first |count| bytes of |data|, which end a line. */
static bool give(struct reader *r, const char *data, size_t count)
{
	if (!r->line) {
		fwrite(r->buffer, 1, r->used, stdout);
		fwrite(data, 1, count, stdout);
		r->used = 0;
		return true;
	}
	return keep(r, data, count - 1) && give_line(r);
}

/* Output is flushed once per received piece: if this program is slow, pieces are large. */
static size_t take(char *data, size_t one, size_t count, void *arg)
{
	struct reader *r = arg;
	const char *at = data, *left = data + count, *end;
	long status = 0;

	(void)one;
	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	while (status < 400 && (end = r->line ? memchr(at, '\n', (size_t)(left - at))
					      : memrchr(at, '\n', (size_t)(left - at)))) {
		if (!give(r, at, (size_t)(end + 1 - at)))
			return 0;
		at = end + 1;
	}
	if (!keep(r, at, (size_t)(left - at)))
		return 0;
	r->stopped |= fflush(stdout) != 0;
	return r->stopped ? 0 : count;
}

static int explain_silence(CURL *curl, const char *socket_path, struct error *err)
{
	long os_errno = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
	if (os_errno == EACCES || (!access(socket_path, F_OK) && access(socket_path, W_OK)))
		return error_set(err, -EACCES, "%s: permission denied\nhint: ask as root",
				 socket_path);
	return error_set(err, -ECONNREFUSED,
			 "no weftd answers at %s\nhint: start it (weftd), or give its socket with "
			 "--socket",
			 socket_path);
}

/* The error text of weftd: {"error":"..."}. */
static int explain_refusal(struct reader *r, struct error *err)
{
	json_t *answer;
	char words[SHOWN_MAX];

	r->buffer[r->used] = 0;
	answer = json_loads(r->buffer, 0, NULL);
	field_shown(answer, "error", words);
	json_decref(answer);
	return error_set(err, -EINVAL, "%.200s", words);
}

static int explain(CURLcode code, long status, struct reader *r, const char *socket_path,
		   struct error *err)
{
	if (r->stopped)
		return 0;
	if (code == CURLE_COULDNT_CONNECT)
		return explain_silence(r->curl, socket_path, err);
	if (status >= 400)
		return explain_refusal(r, err);
	if (code == CURLE_PARTIAL_FILE || code == CURLE_RECV_ERROR || code == CURLE_GOT_NOTHING)
		return error_set(err, -ECONNRESET, "weftd ended in the middle of its answer");
	if (r->bad || code != CURLE_OK)
		return error_set(err, -EBADMSG, "an invalid answer (%s)",
				 r->bad ? "not JSON" : curl_easy_strerror(code));
	return 0;
}

static int run(CURL *curl, const char *socket_path, const struct client_url *url, struct reader *r,
	       struct error *err)
{
	long status = 0;
	CURLcode code;

	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
	curl_easy_setopt(curl, CURLOPT_URL, url->text);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, PIECE_BYTES);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return explain(code, status, r, socket_path, err);
}

int client_get(const char *socket_path, const struct client_url *url, client_line_fn line,
	       void *arg, struct error *err)
{
	CURL *curl = curl_easy_init();
	struct reader r = {.curl = curl, .line = line, .arg = arg};
	int result;

	r.buffer = malloc(LINE_MAX_BYTES);
	if (url->overflow)
		result = error_set(err, -E2BIG, "the filters are too long");
	else if (!curl || !r.buffer)
		result = error_set(err, -ENOMEM, "no memory");
	else
		result = run(curl, socket_path, url, &r, err);
	curl_easy_cleanup(curl);
	free(r.buffer);
	return result;
}

int client_exit(int code)
{
	return code == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}
