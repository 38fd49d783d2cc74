// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Key derivation against the traces of RFC 8448 3 (server's handshake traffic). TLS 1.2 and the
 * other suites are proven by real sessions. */
#include "datapath/decode/tls_keys.h"
#include "datapath/decode/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_rfc_8448(void **state)
{
	static const uint8_t secret[] = {
		0xb6, 0x7b, 0x7d, 0x69, 0x0c, 0xc1, 0x6c, 0x4e, 0x75, 0xe5, 0x42,
		0x13, 0xcb, 0x2d, 0x37, 0xb4, 0xe9, 0xc9, 0x12, 0xbc, 0xde, 0xd9,
		0x10, 0x5d, 0x42, 0xbe, 0xfd, 0x59, 0xd3, 0x91, 0xad, 0x38,
	};
	static const uint8_t key[] = {0x3f, 0xce, 0x51, 0x60, 0x09, 0xc2, 0x17, 0x27,
				      0xd0, 0xf2, 0xe4, 0xe8, 0x6e, 0xe4, 0x03, 0xbc};
	static const uint8_t iv[] = {0x5d, 0x31, 0x3e, 0xb2, 0x67, 0x12,
				     0x76, 0xee, 0x13, 0x00, 0x0b, 0x30};
	struct tls_keys keys;

	(void)state;
	assert_int_equal(tls_keys_from_traffic(tls_suite_find(0x1301), secret, &keys), 0);
	assert_memory_equal(keys.key, key, sizeof(key));
	assert_memory_equal(keys.iv, iv, sizeof(iv));
}

static void test_suites(void **state)
{
	(void)state;
	assert_string_equal(tls_suite_find(0x1302)->name, "TLS_AES_256_GCM_SHA384");
	assert_int_equal(tls_suite_secret_bytes(tls_suite_find(0x1302)), 48);
	assert_int_equal(tls_suite_find(0xc014)->aead, TLS_AEAD_NONE);
	assert_string_equal(tls_suite_find(0xc05c)->name,
			    "TLS_ECDHE_ECDSA_WITH_ARIA_128_GCM_SHA256");
	assert_string_equal(tls_suite_find(0x0088)->name, "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA");
	assert_int_equal(tls_suite_find(0xc05c)->aead, TLS_AEAD_NONE);
	assert_null(tls_suite_find(0x0000));
	for (unsigned number = 0; number <= 0xffff; number++) {
		const struct tls_suite *suite = tls_suite_find((uint16_t)number);

		assert_true(!suite || strlen(suite->name) < TLS_CIPHER_MAX_BYTES);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_8448),
		cmocka_unit_test(test_suites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
