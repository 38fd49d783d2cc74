// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The secrets of OpenSSL 3 handshakes, read where libssl passes each of them to its key log: once
 * per secret, whether or not a log is written. Hook: calls of ssl_log_secret(ssl, label, secret,
 * secret_bytes), all arguments in place; the attach cookie is the client random's offset in |ssl|.
 * Context: the thread of the handshake, may sleep. Emits SECRET. May lose: RING_SECRET,
 * READ_SECRET. */

#include "bpf/lib/secret.bpf.h"

#define RANDOM_BYTES 32

/* Room for the longest wanted label with its NUL. */
struct log_label {
	char text[32] __attribute__((aligned(8)));
};

#define LABEL_IS(label, literal) (!__builtin_memcmp((label)->text, literal, sizeof(literal)))

/* The labels of the NSS key log format; -1: another. */
static __always_inline int log_which(const struct log_label *label)
{
	if (LABEL_IS(label, "CLIENT_HANDSHAKE_TRAFFIC_SECRET"))
		return WEFT_SECRET_CLIENT_HANDSHAKE;
	if (LABEL_IS(label, "SERVER_HANDSHAKE_TRAFFIC_SECRET"))
		return WEFT_SECRET_SERVER_HANDSHAKE;
	if (LABEL_IS(label, "CLIENT_TRAFFIC_SECRET_0"))
		return WEFT_SECRET_CLIENT_TRAFFIC;
	if (LABEL_IS(label, "SERVER_TRAFFIC_SECRET_0"))
		return WEFT_SECRET_SERVER_TRAFFIC;
	if (LABEL_IS(label, "CLIENT_RANDOM"))
		return WEFT_SECRET_MASTER;
	if (LABEL_IS(label, "CLIENT_EARLY_TRAFFIC_SECRET"))
		return WEFT_SECRET_CLIENT_EARLY;
	if (LABEL_IS(label, "CLIENT_TRAFFIC_SECRET_N") ||
	    LABEL_IS(label, "SERVER_TRAFFIC_SECRET_N"))
		return WEFT_SECRET_UNKNOWN; /* of a KeyUpdate, like in the other probe */
	return -1;
}

static __always_inline long label_read(struct log_label *label, __u64 at)
{
	__builtin_memset(label, 0, sizeof(*label));
	if (bpf_probe_read_user_str(label->text, sizeof(label->text), (const void *)at) > 0)
		return 0;
	return bpf_copy_from_user(label->text, sizeof(label->text), (const void *)at);
}

/* 32 or 48 bytes, as constants, since the verifier does not know that there are no others. */
static __always_inline long hash_read(void *to, __u64 from, __u64 size_bytes)
{
	return size_bytes == 32 ? user_read(to, 32, from) : user_read(to, 48, from);
}

static __always_inline void log_describe(struct weft_secret *r, int which, __u64 secret_bytes)
{
	r->which = which;
	r->secret_bytes = secret_bytes;
	r->has_client_random = 1;
	r->tls_version = which == WEFT_SECRET_MASTER ? 0x0303 : 0x0304;
	if (which != WEFT_SECRET_MASTER)
		r->digest = secret_bytes == 32 ? WEFT_DIGEST_SHA256 : WEFT_DIGEST_SHA384;
}

static __always_inline int secret_logged(__u64 random, __u64 label_at, __u64 secret,
					 __u64 secret_bytes)
{
	const struct weft_settings *set = secrets_wanted();
	struct weft_secret r = {};
	struct log_label label;
	int which;

	if (!set || (secret_bytes != 32 && secret_bytes != 48))
		return 0;
	if (label_read(&label, label_at)) {
		count(WEFT_COUNT_SECRETS_SEEN, 1);
		count_lost(WEFT_LOST_READ_SECRET);
		return 0;
	}
	which = log_which(&label);
	if (which < 0)
		return 0;
	count(WEFT_COUNT_SECRETS_SEEN, 1);
	log_describe(&r, which, secret_bytes);
	if (hash_read(r.secret, secret, secret_bytes) ||
	    user_read(r.client_random, RANDOM_BYTES, random)) {
		count_lost(WEFT_LOST_READ_SECRET);
		return 0;
	}
	secret_send(&r, set);
	return 0;
}

/* Two ways to attach, one program each; only one of them is loaded. */
SEC("uprobe.multi.s")
int tls_log_multi(struct pt_regs *ctx)
{
	return secret_logged(PT_REGS_PARM1(ctx) + bpf_get_attach_cookie(ctx), PT_REGS_PARM2(ctx),
			     PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx));
}

SEC("uprobe.s")
int tls_log(struct pt_regs *ctx)
{
	return secret_logged(PT_REGS_PARM1(ctx) + bpf_get_attach_cookie(ctx), PT_REGS_PARM2(ctx),
			     PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx));
}
