// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Certificates read once and again: the same facts, and never those of another. */
#include "datapath/decode/tls_certificate.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static EVP_PKEY *key;

static int make_key(void **state)
{
	(void)state;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return key ? 0 : -1;
}

static int free_key(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

/* Of the service |number|, with as many alternative names as make |padding| more bytes. */
static size_t make(unsigned number, size_t padding, unsigned char *out, size_t size)
{
	X509 *x = X509_new();
	char name[32], *san = malloc(padding + 64);
	unsigned char *next = out;
	X509_EXTENSION *extension;
	int bytes, used = snprintf(name, sizeof(name), "service-%u", number);

	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (unsigned char *)name, used, -1, 0);
	ASN1_TIME_set(X509_getm_notBefore(x), 0);
	ASN1_TIME_set(X509_getm_notAfter(x), 1000000 + number);
	X509_set_pubkey(x, key);
	snprintf(san, 64, "URI:spiffe://a/%u", number);
	for (size_t n = strlen(san); padding; padding--, n++)
		memcpy(san + n, "x", 2);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	X509_add_ext(x, extension, -1);
	X509_sign(x, key, EVP_sha256());
	bytes = i2d_X509(x, NULL);
	assert_true(bytes > 0 && (size_t)bytes <= size);
	i2d_X509(x, &next);
	X509_EXTENSION_free(extension);
	X509_free(x);
	free(san);
	return (size_t)bytes;
}

static void expect_service(unsigned number, const unsigned char *der, size_t bytes)
{
	struct tls_certificate c = {0};
	char subject[64], spiffe[64];

	snprintf(subject, sizeof(subject), "CN=service-%u", number);
	snprintf(spiffe, sizeof(spiffe), "spiffe://a/%u", number);
	assert_int_equal(tls_certificate_read((struct slice){(const char *)der, bytes}, &c), 0);
	assert_true(c.present);
	assert_string_equal(c.subject, subject);
	assert_int_equal(c.not_after, 1000000 + number);
	if (bytes < 600)
		assert_string_equal(c.spiffe_id, spiffe);
}

/* More of them than are kept, in an order in which some are found and some are not. */
static void test_many_again_and_again(void **state)
{
	static unsigned char der[200][1024];
	size_t bytes[200];

	(void)state;
	for (unsigned i = 0; i < 200; i++)
		bytes[i] = make(i, 0, der[i], sizeof(der[i]));
	for (unsigned round = 1; round < 8; round++)
		for (unsigned i = 0; i < 200; i++)
			expect_service(i * round % 200, der[i * round % 200],
				       bytes[i * round % 200]);
}

static void test_too_long_to_be_kept(void **state)
{
	static unsigned char der[8192];
	size_t bytes = make(7, 4000, der, sizeof(der));

	(void)state;
	assert_true(bytes > 4000);
	expect_service(7, der, bytes);
	expect_service(7, der, bytes);
}

static void test_one_bit_makes_another(void **state)
{
	unsigned char der[1024];
	size_t bytes = make(3, 0, der, sizeof(der));
	unsigned char *name = memmem(der, bytes, "service-3", 9);
	struct tls_certificate c = {.not_after = 5};

	(void)state;
	expect_service(3, der, bytes);
	name[8] = '4';
	assert_int_equal(tls_certificate_read((struct slice){(const char *)der, bytes}, &c), 0);
	assert_string_equal(c.subject, "CN=service-4");
	name[8] = '3';
	expect_service(3, der, bytes);
	c = (struct tls_certificate){.not_after = 5};
	assert_int_equal(tls_certificate_read((struct slice){(const char *)der, bytes / 3}, &c),
			 -EBADMSG);
	assert_int_equal(tls_certificate_read((struct slice){0}, &c), -EBADMSG);
	assert_int_equal(c.not_after, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_again_and_again),
		cmocka_unit_test(test_too_long_to_be_kept),
		cmocka_unit_test(test_one_bit_makes_another),
	};

	return cmocka_run_group_tests_name("tls_certificate", tests, make_key, free_key);
}
