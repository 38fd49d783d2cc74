// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the fields of a certificate through libcrypto's X509. */
#include "datapath/decode/tls_certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

#define SPIFFE SLICE("spiffe://")

/* A name that is put together piece by piece in a bounded buffer. */
struct text {
	char *out;
	size_t size;
	size_t used;
};

/* All of |s| or nothing. */
static bool text_add(struct text *t, struct slice s)
{
	if (t->size - t->used <= s.size_bytes)
		return false;
	for (size_t i = 0; i < s.size_bytes; i++) {
		char c = s.data[i];

		t->out[t->used++] = c > ' ' && c < 0x7f && c != ',' ? c : '?';
	}
	t->out[t->used] = 0;
	return true;
}

static void read_subject(const X509 *x, struct tls_certificate *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	struct slice s = {0};
	char *data;

	if (!bio)
		return;
	if (X509_NAME_print_ex(bio, X509_get_subject_name(x), 0, XN_FLAG_RFC2253) >= 0) {
		s.size_bytes = (size_t)BIO_get_mem_data(bio, &data);
		s.data = data;
	}
	slice_copy(s, ret->subject, sizeof(ret->subject));
	BIO_free(bio);
}

static void add_alternative(struct text *san, struct slice prefix, struct slice name,
			    struct tls_certificate *ret)
{
	size_t before = san->used;
	struct text spiffe = {ret->spiffe_id, sizeof(ret->spiffe_id), 0};

	if (slice_equal(prefix, SLICE("URI:")) && slice_starts_with(name, SPIFFE) &&
	    !ret->spiffe_id[0])
		text_add(&spiffe, name);
	if (before + 1 < san->size && before)
		san->out[san->used++] = ',';
	if (!text_add(san, prefix) || !text_add(san, name)) {
		san->used = before;
		san->out[before] = 0;
	}
}

static void read_alternatives(const X509 *x, struct tls_certificate *ret)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	struct text san = {ret->san, sizeof(ret->san), 0};

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int type;
		const ASN1_IA5STRING *value =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
		struct slice name;

		if (type != GEN_DNS && type != GEN_URI)
			continue;
		name = (struct slice){(const char *)ASN1_STRING_get0_data(value),
				      (size_t)ASN1_STRING_length(value)};
		add_alternative(&san, type == GEN_DNS ? SLICE("DNS:") : SLICE("URI:"), name, ret);
	}
	GENERAL_NAMES_free(names);
}

static void read_expiry(const X509 *x, struct tls_certificate *ret)
{
	struct tm when;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x), &when))
		ret->not_after = timegm(&when);
}

int tls_certificate_read(struct slice der, struct tls_certificate *ret)
{
	const unsigned char *next = (const unsigned char *)der.data;
	X509 *x = d2i_X509(NULL, &next, (long)der.size_bytes);

	if (x) {
		*ret = (struct tls_certificate){.present = true};
		read_subject(x, ret);
		read_alternatives(x, ret);
		read_expiry(x, ret);
		X509_free(x);
	}
	ERR_clear_error(); /* a broken certificate is no error of ours */
	return x ? 0 : -EBADMSG;
}
