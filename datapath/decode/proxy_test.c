// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Headers of the PROXY protocol, and what is none; the examples of its specification among them. */
#include "datapath/decode/proxy.h"

#include "datapath/decode/fixture_test.h"

#include <arpa/inet.h>

#define V2		"\r\n\r\n\0\r\nQUIT\n"
#define LONGEST_ADDRESS "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
#define LONGEST_UNKNOWN "PROXY UNKNOWN " LONGEST_ADDRESS " " LONGEST_ADDRESS " 65535 65535\r\n"
#define TLV		"\x20\0\x02xy"
#define V2_IPV4		V2 "\x21\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\xdd\xd5\x01\xbb"
#define SIXTEEN		"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0"

struct sample {
	struct slice bytes;
	size_t size_bytes;	     /* of the header; 0: none */
	const char *client, *server; /* NULL: not named */
	uint16_t client_port, server_port;
};

static const struct sample samples[] = {
	{SLICE("PROXY TCP4 192.0.2.1 198.51.100.2 56789 443\r\nGET / HTTP/1.1\r\n"), 45,
	 "192.0.2.1", "198.51.100.2", 56789, 443},
	{SLICE("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), 56, "255.255.255.255",
	 "255.255.255.255", 65535, 65535},
	{SLICE("PROXY TCP6 2001:db8::1 ::1 1 0\r\n"), 32, "2001:db8::1", "::1", 1, 0},
	{SLICE("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n"), 15, NULL, NULL, 0, 0},
	{SLICE(LONGEST_UNKNOWN), 107, NULL, NULL, 0, 0},
	{SLICE(V2_IPV4 "GET"), 28, "192.0.2.1", "198.51.100.2", 56789, 443},
	{SLICE(V2 "\x21\x11\0\x11\xc0\0\x02\x01\xc6\x33\x64\x02\xdd\xd5\x01\xbb" TLV "GET"), 33,
	 "192.0.2.1", "198.51.100.2", 56789, 443},
	{SLICE(V2 "\x21\x21\0\x24" SIXTEEN "\x01" SIXTEEN "\x02\0\x50\0\x51"), 52, "2001:db8::1",
	 "2001:db8::2", 80, 81},
	{SLICE(V2 "\x20\0\0\0GET"), 16, NULL, NULL, 0, 0}, /* LOCAL */
	{SLICE(V2 "\x20\x11\0\x0c"
		  "123456789012"),
	 28, NULL, NULL, 0, 0},					   /* LOCAL */
	{SLICE(V2 "\x21\0\xff\xff"), 65551, NULL, NULL, 0, 0},	   /* UNSPEC */
	{SLICE(V2 "\x21\x31\0\xd8/run/a"), 232, NULL, NULL, 0, 0}, /* unix sockets */
	{SLICE(V2 "\x21\x12\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\xdd\xd5\x01\xbb"), 28, "192.0.2.1",
	 "198.51.100.2", 56789, 443}, /* datagrams */
	/* ---- none */
	{SLICE("GET / HTTP/1.1\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY\r\n\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY \r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY / HTTP/1.1\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY TCP4 192.0.2.1 198.51.100.2 56789\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY TCP4 192.0.2.1 198.51.100.2 56789 443 1\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY TCP4 192.0.2.1 198.51.100.2 56789 65536\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY TCP4 ::1 ::2 1 2\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("PROXY UNKNOWN f" LONGEST_ADDRESS " " LONGEST_ADDRESS " 65535 65535\r\n"), 0, NULL,
	 NULL, 0, 0}, /* 108 bytes */
	{SLICE(V2 "\x11\x11\0\x0c"
		  "123456789012"),
	 0, NULL, NULL, 0, 0}, /* version 1 */
	{SLICE(V2 "\x22\x11\0\x0c"
		  "123456789012"),
	 0, NULL, NULL, 0, 0}, /* no command */
	{SLICE(V2 "\x21\x11\0\x0b"
		  "12345678901"),
	 0, NULL, NULL, 0, 0}, /* too short */
	{SLICE("\r\n\r\nGET / HTTP/1.1\r\n"), 0, NULL, NULL, 0, 0},
	{SLICE("\x16\x03\x01\x02\0\x01"), 0, NULL, NULL, 0, 0},
};

static void assert_address(const uint8_t addr[16], const char *text)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	uint8_t wanted[16];

	memcpy(wanted, mapped, 12);
	assert_int_equal(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text,
				   strchr(text, ':') ? wanted : wanted + 12),
			 1);
	assert_memory_equal(addr, wanted, 16);
}

static enum proxy_result read_guarded(struct slice s, struct proxy_header *ret)
{
	uint8_t *at = fixture_guarded_end() - s.size_bytes;

	memcpy(at, s.data, s.size_bytes);
	memset(ret, 0xdb, sizeof(*ret));
	return proxy_read(at, s.size_bytes, ret);
}

static void check(const struct sample *x)
{
	struct proxy_header h;

	if (!x->size_bytes) {
		assert_int_equal(read_guarded(x->bytes, &h), PROXY_NONE);
		return;
	}
	assert_int_equal(read_guarded(x->bytes, &h), PROXY_DONE);
	assert_int_equal(h.size_bytes, x->size_bytes);
	assert_int_equal(h.named, x->client != NULL);
	if (!x->client)
		return;
	assert_address(h.client_addr, x->client);
	assert_address(h.server_addr, x->server);
	assert_int_equal(h.client_port, x->client_port);
	assert_int_equal(h.server_port, x->server_port);
}

static void test_samples(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		check(&samples[i]);
}

/* A beginning is more to come, or already what the whole is. */
static void test_cut_at_every_length(void **state)
{
	struct proxy_header h;

	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *x = &samples[i];
		enum proxy_result whole = read_guarded(x->bytes, &h);

		for (size_t n = 0; n < x->bytes.size_bytes; n++) {
			enum proxy_result r = read_guarded((struct slice){x->bytes.data, n}, &h);

			assert_true(r == PROXY_MORE || r == whole);
			if (r == PROXY_DONE)
				assert_int_equal(h.size_bytes, x->size_bytes);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_cut_at_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
