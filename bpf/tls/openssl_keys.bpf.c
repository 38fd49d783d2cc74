// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The secrets of OpenSSL 3 handshakes, read where OpenSSL derives keys from them. Hook:
 * EVP_KDF_derive(ctx, out, out_bytes, params) of libcrypto or of an executable that exports it, at
 * its entry or at a later instruction where all arguments are still in place. Context: the deriving
 * thread, may sleep. Emits SECRET. May lose: RING_SECRET, READ_SECRET. The function is also used
 * for password hashing and other purposes: names and labels are read first, and key material only
 * when they identify a TLS secret. */

#include "bpf/lib/secret.bpf.h"

#define PARAMS_MAX     8 /* TLS sets seven at most; the terminator is the eighth */
#define PARAMS_AT_ONCE 4
#define SEEDS_MAX      3

/* OSSL_PARAM of OpenSSL 3: openssl/core.h */
struct ossl_param {
	__u64 key;
	__u32 data_type;
	__u32 pad;
	__u64 data;
	__u64 data_bytes;
	__u64 return_bytes;
};

/* Where a parameter's bytes are in the program's memory. */
struct span {
	__u64 at;
	__u64 bytes;
};

/* The parameters of one call that TLS uses. */
struct derivation {
	struct span digest;
	struct span label;
	struct span prefix;
	struct span key;
	struct span secret;
	struct span seeds[SEEDS_MAX];
	__u32 seed_count;
	__u32 pad;
};

struct text {
	char bytes[16];
};

#define TEXT_IS(text, span, literal)                                                               \
	((span)->bytes == sizeof(literal) - 1 &&                                                   \
	 !__builtin_memcmp((text)->bytes, literal, sizeof(literal) - 1))

/* The first bytes of |s|, at most 16; the rest is zero. */
static __always_inline long text_read(struct text *to, const struct span *s)
{
	__u32 size_bytes = s->bytes < sizeof(to->bytes) ? s->bytes : sizeof(to->bytes);

	__builtin_memset(to, 0, sizeof(*to));
	return size_bytes ? user_read(to->bytes, size_bytes, s->at) : 0;
}

/* A parameter's name, truncated to 7 characters: longer names are not used by TLS. */
static __always_inline long name_read(char name[8], __u64 at)
{
	if (!user_read(name, 8, at))
		return 0;
	return bpf_probe_read_user_str(name, 8, (const void *)at) < 0 ? -1 : 0;
}

#define NAME_IS(name, literal) (!__builtin_memcmp(name, literal, sizeof(literal)))

static __always_inline void param_note(struct derivation *d, const char name[8],
				       const struct span *value)
{
	if (NAME_IS(name, "digest"))
		d->digest = *value;
	else if (NAME_IS(name, "label"))
		d->label = *value;
	else if (NAME_IS(name, "prefix"))
		d->prefix = *value;
	else if (NAME_IS(name, "key"))
		d->key = *value;
	else if (NAME_IS(name, "secret"))
		d->secret = *value;
	else if (NAME_IS(name, "seed")) {
		if (d->seed_count == 0)
			d->seeds[0] = *value;
		else if (d->seed_count == 1)
			d->seeds[1] = *value;
		else if (d->seed_count == 2)
			d->seeds[2] = *value;
		d->seed_count++;
	}
}

/* Stores one parameter. A global function, so that it is verified once. */
__noinline int param_take(struct derivation *d, const struct ossl_param *p)
{
	char name[8];

	if (!d || !p || name_read(name, p->key))
		return -1;
	param_note(d, name, &(struct span){p->data, p->data_bytes});
	return 0;
}

/* Reads the next parameters. The list may end before the last of them, and the memory after its end
 * may not be mapped. */
static __always_inline long params_read(struct ossl_param p[PARAMS_AT_ONCE], __u64 at)
{
	if (!bpf_probe_read_user(p, PARAMS_AT_ONCE * sizeof(*p), (const void *)at))
		return 0;
	for (int i = 0; i < PARAMS_AT_ONCE; i++) {
		if (user_read(&p[i], sizeof(*p), at + i * sizeof(*p)))
			return -1;
		if (!p[i].key)
			return 0;
	}
	return 0;
}

/* Finds the parameters by name; reads no value. */
static __noinline long derivation_read(struct derivation *d, __u64 params)
{
	struct ossl_param p[PARAMS_AT_ONCE];

	for (int i = 0; i < PARAMS_MAX; i++) {
		const struct ossl_param *next = &p[i % PARAMS_AT_ONCE];

		if (i % PARAMS_AT_ONCE == 0 && params_read(p, params + i * sizeof(p[0])))
			return -1;
		if (!next->key)
			return 0;
		if (param_take(d, next))
			return -1;
	}
	return 0;
}

static __always_inline __u8 digest_of(const struct text *name, const struct span *s)
{
	__u64 bytes = s->bytes;

	if (bytes && bytes <= sizeof(name->bytes) && !name->bytes[(bytes - 1) & 15])
		bytes--; /* some callers count the closing NUL */
	if ((bytes == 8 && !__builtin_memcmp(name->bytes, "SHA2-256", 8)) ||
	    (bytes == 6 && !__builtin_memcmp(name->bytes, "SHA256", 6)))
		return WEFT_DIGEST_SHA256;
	if ((bytes == 8 && !__builtin_memcmp(name->bytes, "SHA2-384", 8)) ||
	    (bytes == 6 && !__builtin_memcmp(name->bytes, "SHA384", 6)))
		return WEFT_DIGEST_SHA384;
	return 0;
}

/* Which traffic secret this label derives (RFC 8446 7.1), or -1. */
static __always_inline int traffic_of(const struct text *label, const struct span *s)
{
	if (TEXT_IS(label, s, "c hs traffic"))
		return WEFT_SECRET_CLIENT_HANDSHAKE;
	if (TEXT_IS(label, s, "s hs traffic"))
		return WEFT_SECRET_SERVER_HANDSHAKE;
	if (TEXT_IS(label, s, "c ap traffic"))
		return WEFT_SECRET_CLIENT_TRAFFIC;
	if (TEXT_IS(label, s, "s ap traffic"))
		return WEFT_SECRET_SERVER_TRAFFIC;
	if (TEXT_IS(label, s, "c e traffic"))
		return WEFT_SECRET_CLIENT_EARLY;
	if (TEXT_IS(label, s, "traffic upd"))
		return WEFT_SECRET_UNKNOWN; /* client's or server's: not known */
	return -1;
}

/* Most derivations of a handshake are not needed; the length of the label alone excludes them. */
static __always_inline bool has_label_length(const struct span *s)
{
	return s->bytes == sizeof("key") - 1 || s->bytes == sizeof("traffic upd") - 1 ||
	       s->bytes == sizeof("c hs traffic") - 1;
}

static __always_inline void traffic_remember(__u64 thread, __u64 out, int which)
{
	struct traffic_note note = {.secret = out, .which = which};

	bpf_map_update_elem(&weft_tls_notes, &thread, &note, BPF_ANY);
}

/* The kind of the traffic secret at |secret|, if this thread derived it there last. */
static __always_inline __u8 traffic_recall(__u64 thread, __u64 secret)
{
	struct traffic_note *note = bpf_map_lookup_elem(&weft_tls_notes, &thread);

	return note && note->secret == secret ? note->which : WEFT_SECRET_UNKNOWN;
}

/* Reads the secret and, for TLS 1.2, the randoms into |r|. */
static __always_inline long secret_read(struct weft_secret *r, const struct derivation *d,
					const struct span *secret)
{
	if (user_read(r->secret, secret->bytes & 63, secret->at))
		return -1;
	if (r->which != WEFT_SECRET_MASTER)
		return 0;
	r->has_client_random = 1;
	if (user_read(r->server_random, sizeof(r->server_random), d->seeds[1].at))
		return -1;
	return user_read(r->client_random, sizeof(r->client_random), d->seeds[2].at);
}

static __always_inline void secret_emit(struct weft_secret *r, const struct derivation *d,
					const struct span *secret, const struct weft_settings *set)
{
	r->secret_bytes = secret->bytes;
	count(WEFT_COUNT_SECRETS_SEEN, 1);
	if (secret_read(r, d, secret))
		count_lost(WEFT_LOST_READ_SECRET);
	else
		secret_send(r, set);
}

/* TLS 1.3, HKDF-Expand-Label. A traffic secret is derived first, then its record key from it. */
static __noinline void label_seen(const struct derivation *d, __u64 out,
				  const struct weft_settings *set)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct weft_secret r = {.tls_version = 0x0304};
	struct text label, prefix, digest;
	int which;

	if (!has_label_length(&d->label) || text_read(&label, &d->label) ||
	    text_read(&prefix, &d->prefix) || !TEXT_IS(&prefix, &d->prefix, "tls13 "))
		return;
	which = traffic_of(&label, &d->label);
	if (which >= 0)
		traffic_remember(thread, out, which);
	if (!TEXT_IS(&label, &d->label, "key") || d->key.bytes < 32 || d->key.bytes > 48)
		return;
	r.which = traffic_recall(thread, d->key.at);
	if (!text_read(&digest, &d->digest))
		r.digest = digest_of(&digest, &d->digest);
	secret_emit(&r, d, &d->key, set);
}

/* TLS 1.2, PRF(master secret, "key expansion", server_random + client_random). */
static __noinline void seed_seen(const struct derivation *d, const struct weft_settings *set)
{
	struct weft_secret r = {.tls_version = 0x0303, .which = WEFT_SECRET_MASTER};
	struct text purpose, digest;

	if (d->seeds[1].bytes != 32 || d->seeds[2].bytes != 32 || d->secret.bytes != 48)
		return;
	if (text_read(&purpose, &d->seeds[0]) || !TEXT_IS(&purpose, &d->seeds[0], "key expansion"))
		return;
	if (!text_read(&digest, &d->digest))
		r.digest = digest_of(&digest, &d->digest);
	if (r.digest) /* TLS 1.0 and 1.1 use MD5-SHA1 here */
		secret_emit(&r, d, &d->secret, set);
}

/* Nonces and Finished values have 12 bytes, wanted values never do. Saves reading a fifth of the
 * calls. */
#define UNWANTED_BYTES 12

static __always_inline int derive_seen(__u64 out, __u64 out_bytes, __u64 params)
{
	const struct weft_settings *set = secrets_wanted();
	struct derivation d = {};

	if (!set || !params || out_bytes == UNWANTED_BYTES)
		return 0;
	if (derivation_read(&d, params)) {
		count(WEFT_COUNT_SECRETS_SEEN, 1);
		count_lost(WEFT_LOST_READ_SECRET);
		return 0;
	}
	if (d.label.at)
		label_seen(&d, out, set);
	else if (d.seed_count >= SEEDS_MAX)
		seed_seen(&d, set);
	return 0;
}

/* Two ways to attach, one program each; only one of them is loaded. */
SEC("uprobe.multi.s")
int tls_keys_multi(struct pt_regs *ctx)
{
	return derive_seen(PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx));
}

SEC("uprobe.s")
int tls_keys(struct pt_regs *ctx)
{
	return derive_seen(PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx));
}
