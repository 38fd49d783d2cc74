// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finds the fields of a certificate and has libcrypto read them. */
#include "datapath/decode/tls_certificate.h"

#include "base/cursor.h"
#include "base/table.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#define SPIFFE	       SLICE("spiffe://")
/* A server shows the same certificate at every handshake, and reading one takes ten microseconds:
 * the last ones are kept, and found again by all their bytes. */
#define READ_MAX       64
#define READ_MAX_BYTES 2048

#define TAG_VERSION    0xa0
#define TAG_EXTENSIONS 0xa3

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

/* One element of DER (X.690): its tag, its content, and the whole of it. */
struct element {
	uint8_t tag;
	struct slice content;
	struct slice whole;
};

/* Takes the next element; a number of bytes that is not there fails the cursor. */
static struct element element_next(struct cursor *c)
{
	struct element e = {.whole.data = (const char *)c->next};
	size_t size_bytes;

	e.tag = cursor_u8(c);
	size_bytes = cursor_u8(c);
	if (size_bytes & 0x80) {
		size_t digits = size_bytes & 0x7f;

		if (!digits || digits > 3)
			c->failed = true;
		size_bytes = (size_t)cursor_number_be(c, digits);
	}
	e.content = cursor_take(c, size_bytes);
	e.whole.size_bytes = (size_t)((const char *)c->next - e.whole.data);
	return e;
}

static struct cursor element_open(struct element e)
{
	return cursor_over(e.content.data, e.content.size_bytes);
}

/* Where the fields are that weft wants (RFC 5280 4.1). libcrypto's d2i_X509 would also decode the
 * public key, which takes it a third of a millisecond. */
struct fields {
	struct slice not_after;
	struct slice subject;
	struct slice extensions; /* empty: none */
};

static bool fields_find(struct slice der, struct fields *ret)
{
	struct cursor outer = cursor_over(der.data, der.size_bytes);
	struct cursor certificate = element_open(element_next(&outer));
	struct cursor tbs = element_open(element_next(&certificate));
	struct element e = element_next(&tbs);
	struct cursor validity;

	*ret = (struct fields){0};
	if (e.tag == TAG_VERSION)
		element_next(&tbs); /* serial number */
	element_next(&tbs);	    /* signature algorithm */
	element_next(&tbs);	    /* issuer */
	validity = element_open(element_next(&tbs));
	element_next(&validity);
	ret->not_after = element_next(&validity).whole;
	ret->subject = element_next(&tbs).whole;
	element_next(&tbs); /* public key */
	while (!tbs.failed && cursor_left(&tbs)) {
		e = element_next(&tbs);
		if (e.tag == TAG_EXTENSIONS)
			ret->extensions = e.content;
	}
	return !outer.failed && !certificate.failed && !tbs.failed && !validity.failed;
}

static bool read_subject(struct slice der, struct tls_certificate *ret)
{
	const unsigned char *next = (const unsigned char *)der.data;
	X509_NAME *name = d2i_X509_NAME(NULL, &next, (long)der.size_bytes);
	BIO *bio = BIO_new(BIO_s_mem());
	struct slice s = {0};
	char *data;

	if (name && bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		s.size_bytes = (size_t)BIO_get_mem_data(bio, &data);
		s.data = data;
	}
	slice_copy(s, ret->subject, sizeof(ret->subject));
	BIO_free(bio);
	X509_NAME_free(name);
	return name;
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

static void read_alternatives(struct slice der, struct tls_certificate *ret)
{
	const unsigned char *next = (const unsigned char *)der.data;
	X509_EXTENSIONS *extensions = d2i_X509_EXTENSIONS(NULL, &next, (long)der.size_bytes);
	GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
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
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static bool read_expiry(struct slice der, struct tls_certificate *ret)
{
	const unsigned char *next = (const unsigned char *)der.data;
	ASN1_TIME *when = d2i_ASN1_TIME(NULL, &next, (long)der.size_bytes);
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, seconds;
	bool ok = when && epoch && ASN1_TIME_diff(&days, &seconds, epoch, when);

	if (ok)
		ret->not_after = (int64_t)days * 86400 + seconds;
	ASN1_TIME_free(when);
	ASN1_TIME_free(epoch);
	return ok;
}

/* One that was read. */
struct read {
	size_t der_bytes; /* 0: none */
	char der[READ_MAX_BYTES];
	struct tls_certificate certificate;
};

static _Thread_local struct read *reads; /* READ_MAX of them, by hash */

/* Where |der| is kept or would be, NULL if it is too long for that. */
static struct read *read_find(struct slice der)
{
	if (!der.size_bytes || der.size_bytes > READ_MAX_BYTES)
		return NULL;
	if (!reads)
		reads = calloc(READ_MAX, sizeof(*reads));
	return reads ? &reads[table_hash(der.data, der.size_bytes, 0) % READ_MAX] : NULL;
}

static bool decode(struct slice der, struct tls_certificate *ret)
{
	struct fields fields;
	bool ok = fields_find(der, &fields) && read_subject(fields.subject, ret) &&
		  read_expiry(fields.not_after, ret);

	if (ok && fields.extensions.size_bytes)
		read_alternatives(fields.extensions, ret);
	ERR_clear_error(); /* a broken certificate is no error of ours */
	return ok;
}

int tls_certificate_read(struct slice der, struct tls_certificate *ret)
{
	struct tls_certificate read = {.present = true};
	struct read *kept = read_find(der);

	if (kept && kept->der_bytes == der.size_bytes &&
	    !memcmp(kept->der, der.data, der.size_bytes)) {
		*ret = kept->certificate;
		return 0;
	}
	if (!decode(der, &read))
		return -EBADMSG;
	if (kept) {
		kept->der_bytes = der.size_bytes;
		memcpy(kept->der, der.data, der.size_bytes);
		kept->certificate = read;
	}
	*ret = read;
	return 0;
}
