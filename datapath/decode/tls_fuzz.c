// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Both directions of a TLS connection out of a script: raw bytes, gaps, and records that are sealed
 * with the keys of a known secret, so that what lies behind the tags is reached too. */
#include "datapath/decode/tls.h"

#include <linux/types.h>

#include "bpf/abi.h"
#include "base/cursor.h"
#include "datapath/decode/tls_keys.h"

#include <openssl/evp.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum op { OP_RAW, OP_GAP, OP_SEAL, OP_SEAL_HOLED, OP_SECRETS, OP_RETRY, OP_GIVE_UP, OP_MAX };

#define KINDS	     7 /* WEFT_SECRET_* */
#define SECRET_BYTES 48

struct world {
	struct tls *tls;
	bool there[KINDS]; /* the secret can be found */
	uint64_t sequence[KINDS][2];
	uint64_t at[2];
	uint64_t given[2]; /* plaintext */
	uint16_t version;
	struct tls_secret secrets[KINDS];
	struct tls_derived derived[KINDS];
};

static const uint8_t client_hello[] = {22, 3, 1, 0, 47, 1, 0, 0, 43, 3, 3,  1, 1, 1, 1, 1, 1, 1,
				       1,  1, 1, 1, 1,	1, 1, 1, 1,  1, 1,  1, 1, 1, 1, 1, 1, 1,
				       1,  1, 1, 1, 1,	1, 1, 0, 0,  2, 19, 1, 1, 0, 0, 0};
static const uint8_t early_hello[] = {22, 3, 1, 0, 51, 1, 0, 0, 47, 3, 3, 1, 1, 1, 1, 1,  1, 1, 1,
				      1,  1, 1, 1, 1,  1, 1, 1, 1,  1, 1, 1, 1, 1, 1, 1,  1, 1, 1,
				      1,  1, 1, 1, 1,  0, 0, 2, 19, 1, 1, 0, 0, 4, 0, 42, 0, 0};
static const uint8_t server_hello_13[] = {
	22, 3, 3, 0, 50, 2, 0, 0, 46, 3, 3, 1, 1, 1, 1, 1, 1,  1, 1, 1, 1, 1, 1,  1, 1, 1, 1, 1,
	1,  1, 1, 1, 1,	 1, 1, 1, 1,  1, 1, 1, 1, 1, 1, 0, 19, 1, 0, 0, 6, 0, 43, 0, 2, 3, 4};
static const uint8_t server_hello_12[] = {22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3, 1, 1,    1,    1, 1,
					  1,  1, 1, 1, 1,  1, 1, 1, 1,	1, 1, 1, 1,    1,    1, 1,
					  1,  1, 1, 1, 1,  1, 1, 1, 1,	1, 1, 0, 0xc0, 0x2f, 0};
static const uint8_t change_cipher[] = {20, 3, 3, 0, 1, 1};

static const struct tls_secret *candidate(void *arg, const uint8_t client_random[32], uint8_t which,
					  unsigned index)
{
	struct world *w = arg;

	(void)client_random;
	return !index && w->there[which] ? &w->secrets[which] : NULL;
}

static void claim(void *arg, uint64_t id, uint64_t ticket)
{
	(void)ticket;
	((struct world *)arg)->there[id - 1] = false;
}

static void plaintext(void *arg, enum tls_side side, const struct feed *f, uint64_t time_ns)
{
	struct world *w = arg;
	volatile uint8_t sum = 0;

	(void)time_ns;
	for (size_t i = 0; f->data && i < f->size_bytes; i++)
		sum ^= f->data[i];
	w->given[side] += f->size_bytes;
	if (f->step || !f->size_bytes || f->at > w->at[side] || w->given[side] > w->at[side])
		abort();
}

static void feed(struct world *w, enum tls_side side, const uint8_t *data, size_t size_bytes)
{
	const struct feed f = {data, size_bytes, w->at[side] + 1, 1, 0, 0};

	w->at[side] += size_bytes;
	tls_feed(w->tls, side, &f, w->at[0] + w->at[1]);
}

/* Additional data and nonce as the version has them; returns how many bytes of |additional| are
 * used. */
static int frame_build(const struct world *w, uint64_t sequence, uint8_t type, size_t content_bytes,
		       const struct tls_keys *keys, uint8_t nonce[12], uint8_t additional[13])
{
	size_t field_bytes = w->version == 0x0304 ? content_bytes + 16 : content_bytes;
	uint8_t head[5] = {type, 3, 3, (uint8_t)(field_bytes >> 8), (uint8_t)field_bytes};

	memcpy(nonce, keys->iv, 12);
	for (int i = 0; i < 8; i++) {
		additional[7 - i] = (uint8_t)(sequence >> (8 * i));
		nonce[11 - i] ^= (uint8_t)(sequence >> (8 * i));
	}
	memcpy(additional + (w->version == 0x0304 ? 0 : 8), head, 5);
	return w->version == 0x0304 ? 5 : 13;
}

/* Seals |content| into |out| (head, explicit nonce where there is one, ciphertext, tag); returns
 * its size. */
static size_t seal(struct world *w, uint8_t kind, enum tls_side side, uint8_t type,
		   struct slice content, uint8_t *out)
{
	struct tls_keys keys[2] = {0};
	const uint8_t random[32] = {[0 ... 31] = 1};
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool old = w->version != 0x0304;
	uint8_t nonce[12], additional[13], *next = out + 5;
	int n, used;

	if (old)
		tls_keys_from_master(tls_suite_find(0xc02f), w->secrets[kind].secret, random,
				     random, keys);
	else
		tls_keys_from_traffic(tls_suite_find(0x1301), w->secrets[kind].secret, &keys[side]);
	n = frame_build(w, w->sequence[kind][old && side]++, type, content.size_bytes, &keys[side],
			nonce, additional);
	for (int i = 0; old && i < 8; i++)
		*next++ = nonce[4 + i];
	EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, keys[side].key, nonce);
	EVP_EncryptUpdate(c, NULL, &used, additional, n);
	EVP_EncryptUpdate(c, next, &used, (const uint8_t *)content.data, (int)content.size_bytes);
	next += content.size_bytes;
	EVP_EncryptFinal_ex(c, next, &used);
	EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, next);
	EVP_CIPHER_CTX_free(c);
	next += 16;
	memcpy(out, (uint8_t[]){type, 3, 3}, 3);
	out[3] = (uint8_t)((next - out - 5) >> 8);
	out[4] = (uint8_t)(next - out - 5);
	return (size_t)(next - out);
}

static void run_seal(struct world *w, enum tls_side side, struct cursor *script, bool holed)
{
	static uint8_t out[5 + 8 + 4096 + 16];
	uint8_t kind = cursor_u8(script) % KINDS, type = cursor_u8(script);
	size_t head = cursor_u8(script), tail = cursor_u8(script);
	size_t size_bytes = cursor_u16_be(script) % 4096, n;
	struct slice content;

	if (size_bytes > cursor_left(script))
		size_bytes = cursor_left(script);
	content = cursor_take(script, size_bytes);
	if (!content.data || !content.size_bytes)
		return;
	if (w->version == 0x0304)
		type = 23;
	n = seal(w, kind, side, type, content, out);
	if (!holed || head + tail + 5 >= n) {
		feed(w, side, out, n);
		return;
	}
	feed(w, side, out, 5 + head);
	feed(w, side, NULL, n - 5 - head - tail);
	feed(w, side, out + n - tail, tail);
}

static void run_op(struct world *w, struct cursor *script)
{
	uint8_t op = cursor_u8(script);
	enum tls_side side = op & 128 ? TLS_SERVER : TLS_CLIENT;
	size_t size_bytes;
	struct slice s;

	switch ((op & 127) % OP_MAX) {
	case OP_RAW:
		size_bytes = cursor_u16_be(script);
		s = cursor_take(script, size_bytes < cursor_left(script) ? size_bytes
									 : cursor_left(script));
		if (s.size_bytes)
			feed(w, side, (const uint8_t *)s.data, s.size_bytes);
		break;
	case OP_GAP:
		feed(w, side, NULL, cursor_u16_be(script) + 1u);
		break;
	case OP_SEAL:
	case OP_SEAL_HOLED:
		run_seal(w, side, script, (op & 127) % OP_MAX == OP_SEAL_HOLED);
		break;
	case OP_SECRETS:
		w->there[cursor_u8(script) % KINDS] = true;
		break;
	case OP_RETRY:
		tls_retry(w->tls);
		break;
	case OP_GIVE_UP:
	default:
		tls_give_up(w->tls);
		break;
	}
}

/* The script's first byte: bits 0-1 how the connection begins, bit 2 all secrets are there from the
 * start, bit 3 the bytes are seen where they are sent. */
static void begin(struct world *w, uint8_t how)
{
	for (int i = 0; i < KINDS; i++) {
		w->secrets[i] = (struct tls_secret){.id = (uint64_t)i + 1,
						    .derived = &w->derived[i],
						    .which = (uint8_t)i,
						    .secret_bytes = i == 1 ? 48 : 32,
						    .secret = {(uint8_t)i}};
		w->there[i] = how & 4;
	}
	tls_set_at_sender(w->tls, TLS_CLIENT, how & 8);
	tls_set_at_sender(w->tls, TLS_SERVER, how & 8);
	w->version = (how & 3) == 3 ? 0x0303 : 0x0304;
	if (!(how & 3))
		return;
	if ((how & 3) == 2)
		feed(w, TLS_CLIENT, early_hello, sizeof(early_hello));
	else
		feed(w, TLS_CLIENT, client_hello, sizeof(client_hello));
	if ((how & 3) != 3) {
		feed(w, TLS_SERVER, server_hello_13, sizeof(server_hello_13));
		return;
	}
	feed(w, TLS_SERVER, server_hello_12, sizeof(server_hello_12));
	feed(w, TLS_CLIENT, change_cipher, sizeof(change_cipher));
	feed(w, TLS_SERVER, change_cipher, sizeof(change_cipher));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct world w = {0};
	struct tls_contexts *contexts = tls_contexts_new();
	const struct tls_secrets secrets = {
		.arg = &w, .candidate = candidate, .claim = claim, .contexts = contexts};
	const struct tls_listener listener = {.arg = &w, .plaintext = plaintext};
	struct cursor script = cursor_over(data, size_bytes);

	w.tls = tls_new(&secrets, &listener, false);
	begin(&w, cursor_u8(&script));
	while (!script.failed && cursor_left(&script))
		run_op(&w, &script);
	if (tls_state_of(w.tls) >= TLS_STATE_MAX || !tls_state_name(tls_state_of(w.tls)))
		abort();
	tls_free(w.tls);
	tls_contexts_free(contexts);
	return 0;
}
