// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Handshake messages. A message inside of one piece is only pointed at, others are gathered up to a
 * bound. */
#include "datapath/decode/tls_handshake.h"

#include "base/cursor.h"

#include <errno.h>
#include <stdlib.h>

#define MESSAGE_HEAD_BYTES	     4
#define EXTENSION_SERVER_NAME	     0
#define EXTENSION_ALPN		     16
#define EXTENSION_PRE_SHARED_KEY     41
#define EXTENSION_EARLY_DATA	     42
#define EXTENSION_SUPPORTED_VERSIONS 43

struct tls_gathered {
	uint32_t stored_bytes;
	uint32_t capacity;
	bool holed; /* nothing is stored behind a gap */
	uint8_t data[];
};

/* The random of a ServerHello that is a HelloRetryRequest (RFC 8446 4.1.3): SHA-256 of
 * "HelloRetryRequest". */
static const uint8_t retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
					 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
					 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
					 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static uint32_t body_bytes(const struct tls_messages *m)
{
	return (uint32_t)m->head[1] << 16 | (uint32_t)m->head[2] << 8 | m->head[3];
}

static bool body_is_wanted(uint8_t type)
{
	return type == TLS_CLIENT_HELLO || type == TLS_SERVER_HELLO ||
	       type == TLS_ENCRYPTED_EXTENSIONS || type == TLS_CERTIFICATE ||
	       type == TLS_COMPRESSED_CERTIFICATE;
}

static void content_skip(struct slice *content, size_t size_bytes)
{
	if (content->data)
		content->data += size_bytes;
	content->size_bytes -= size_bytes;
}

static int take_head(struct tls_messages *m, struct slice *content)
{
	size_t n = MESSAGE_HEAD_BYTES - m->head_bytes;

	if (!content->data)
		return -EPIPE;
	if (n > content->size_bytes)
		n = content->size_bytes;
	memcpy(m->head + m->head_bytes, content->data, n);
	m->head_bytes += n;
	content_skip(content, n);
	return m->head_bytes == MESSAGE_HEAD_BYTES;
}

static struct tls_gathered *gathered_reserve(struct tls_messages *m, size_t size_bytes)
{
	struct tls_gathered *g = m->gathered;
	size_t need = size_bytes + (g ? g->stored_bytes : 0);
	size_t capacity = g ? (size_t)g->capacity * 2 : 512;

	if (g && need <= g->capacity)
		return g;
	if (capacity < need)
		capacity = need;
	g = realloc(m->gathered, sizeof(*g) + capacity);
	if (!g)
		return NULL;
	if (!m->gathered)
		*g = (struct tls_gathered){0};
	g->capacity = (uint32_t)capacity;
	m->gathered = g;
	return g;
}

/* Keeps what is wanted of |part|, the next bytes of the body. */
static int gather(struct tls_messages *m, struct slice part)
{
	struct tls_gathered *g;
	size_t room;

	if (!body_is_wanted(m->head[0]))
		return 0;
	g = gathered_reserve(m, 0);
	if (!g)
		return -ENOMEM;
	g->holed = g->holed || !part.data;
	room = TLS_MAX_MESSAGE_BYTES - g->stored_bytes;
	if (g->holed || !room)
		return 0;
	if (part.size_bytes > room)
		part.size_bytes = room;
	g = gathered_reserve(m, part.size_bytes);
	if (!g)
		return -ENOMEM;
	memcpy(g->data + g->stored_bytes, part.data, part.size_bytes);
	g->stored_bytes += (uint32_t)part.size_bytes;
	return 0;
}

static void message_end(struct tls_messages *m, struct slice body, tls_message_fn *message,
			void *arg)
{
	uint8_t type = m->head[0];
	uint32_t size_bytes = body_bytes(m);

	m->head_bytes = 0;
	m->taken_bytes = 0;
	message(arg, type, body, body.size_bytes == size_bytes);
}

/* Takes body bytes; the message ends here when the content holds its last byte. */
static int take_body(struct tls_messages *m, struct slice *content, tls_message_fn *message,
		     void *arg)
{
	size_t n = body_bytes(m) - m->taken_bytes;
	struct slice part = *content;
	int err;

	if (n <= content->size_bytes && !m->taken_bytes && content->data) {
		part.size_bytes = n;
		content_skip(content, n);
		message_end(m, part, message, arg);
		return 0;
	}
	if (n > content->size_bytes)
		n = content->size_bytes;
	part.size_bytes = n;
	err = gather(m, part);
	content_skip(content, n);
	m->taken_bytes += (uint32_t)n;
	if (err || m->taken_bytes < body_bytes(m))
		return err;
	part = (struct slice){0};
	if (m->gathered)
		part = (struct slice){(const char *)m->gathered->data, m->gathered->stored_bytes};
	message_end(m, part, message, arg);
	tls_messages_release(m);
	return 0;
}

int tls_messages_feed(struct tls_messages *m, struct slice content, tls_message_fn *message,
		      void *arg)
{
	int err = 0;

	while (!err && content.size_bytes) {
		if (m->head_bytes < MESSAGE_HEAD_BYTES) {
			err = take_head(m, &content);
			if (err <= 0)
				return err;
			err = 0;
			if (body_bytes(m))
				continue;
		}
		err = take_body(m, &content, message, arg);
	}
	return err;
}

void tls_messages_release(struct tls_messages *m)
{
	free(m->gathered);
	m->gathered = NULL;
}

/* ---- bodies ---- */

/* The next extension of a list; false at its end. */
static bool extension_next(struct cursor *list, uint16_t *ret_type, struct cursor *ret_data)
{
	if (list->failed || !cursor_left(list))
		return false;
	*ret_type = cursor_u16_be(list);
	*ret_data = cursor_nested(list, cursor_u16_be(list));
	return !list->failed;
}

/* ServerNameList (RFC 6066 3): the first host_name. */
static struct slice server_name(struct cursor data)
{
	struct cursor list = cursor_nested(&data, cursor_u16_be(&data));

	while (!list.failed && cursor_left(&list)) {
		uint8_t type = cursor_u8(&list);
		struct slice name = cursor_take(&list, cursor_u16_be(&list));

		if (!type)
			return name;
	}
	return (struct slice){0};
}

/* The one protocol that a server chose (RFC 7301 3.1). */
static struct slice chosen_protocol(struct cursor data)
{
	struct cursor list = cursor_nested(&data, cursor_u16_be(&data));

	return cursor_take(&list, cursor_u8(&list));
}

int tls_client_hello_parse(struct slice body, struct tls_client_hello *ret)
{
	struct cursor c = cursor_over(body.data, body.size_bytes);
	struct cursor list, data;
	uint16_t type;

	*ret = (struct tls_client_hello){0};
	cursor_u16_be(&c); /* legacy_version */
	ret->random = (const uint8_t *)cursor_take(&c, 32).data;
	cursor_take(&c, cursor_u8(&c));	    /* session id */
	cursor_take(&c, cursor_u16_be(&c)); /* cipher suites */
	cursor_take(&c, cursor_u8(&c));	    /* compression methods */
	if (c.failed)
		return -EBADMSG;
	if (!cursor_left(&c))
		return 0; /* no extensions: allowed before TLS 1.3 */
	list = cursor_nested(&c, cursor_u16_be(&c));
	while (extension_next(&list, &type, &data)) {
		if (type == EXTENSION_SERVER_NAME)
			ret->sni = server_name(data);
		if (type == EXTENSION_EARLY_DATA)
			ret->early_data = true;
	}
	return c.failed || list.failed ? -EBADMSG : 0;
}

int tls_server_hello_parse(struct slice body, struct tls_server_hello *ret)
{
	struct cursor c = cursor_over(body.data, body.size_bytes);
	struct cursor list, data;
	uint16_t type;

	*ret = (struct tls_server_hello){.version = cursor_u16_be(&c)};
	ret->random = (const uint8_t *)cursor_take(&c, 32).data;
	cursor_take(&c, cursor_u8(&c)); /* session id */
	ret->cipher_suite = cursor_u16_be(&c);
	cursor_u8(&c); /* compression method */
	if (c.failed)
		return -EBADMSG;
	ret->retry = !memcmp(ret->random, retry_random, sizeof(retry_random));
	if (!cursor_left(&c))
		return 0;
	list = cursor_nested(&c, cursor_u16_be(&c));
	while (extension_next(&list, &type, &data)) {
		if (type == EXTENSION_SUPPORTED_VERSIONS)
			ret->version = cursor_u16_be(&data);
		if (type == EXTENSION_PRE_SHARED_KEY)
			ret->psk = true;
		if (type == EXTENSION_ALPN)
			ret->alpn = chosen_protocol(data);
	}
	return c.failed || list.failed ? -EBADMSG : 0;
}

int tls_encrypted_extensions_parse(struct slice body, struct tls_encrypted_extensions *ret)
{
	struct cursor c = cursor_over(body.data, body.size_bytes);
	struct cursor list = cursor_nested(&c, cursor_u16_be(&c));
	struct cursor data;
	uint16_t type;

	*ret = (struct tls_encrypted_extensions){0};
	while (extension_next(&list, &type, &data)) {
		if (type == EXTENSION_ALPN)
			ret->alpn = chosen_protocol(data);
		if (type == EXTENSION_EARLY_DATA)
			ret->early_data = true;
	}
	return c.failed || list.failed ? -EBADMSG : 0;
}

int tls_certificate_parse(struct slice body, bool tls13, struct slice *ret_der)
{
	struct cursor c = cursor_over(body.data, body.size_bytes);
	uint32_t list_bytes;

	if (tls13)
		cursor_take(&c, cursor_u8(&c)); /* request context */
	list_bytes = cursor_u24_be(&c);
	*ret_der = (struct slice){0};
	if (!c.failed && list_bytes)
		*ret_der = cursor_take(&c, cursor_u24_be(&c));
	return c.failed ? -EBADMSG : 0;
}
