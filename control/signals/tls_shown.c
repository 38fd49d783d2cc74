// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is shown of a connection's TLS: a copy that borrows nothing. */
#include "control/signals/tls_shown.h"

#include <stdio.h>

/* Whether all of |text| has room. */
static bool copy(char *to, size_t size, const char *text)
{
	return (size_t)snprintf(to, size, "%s", text ? text : "") < size;
}

struct tls_shown tls_shown_of(const struct connection *c)
{
	struct tls_shown s = {0};

	copy(s.state, sizeof(s.state), c->tls_state);
	if (!c->tls)
		return s;
	s.version = c->tls->version;
	copy(s.cipher, sizeof(s.cipher), c->tls->cipher);
	s.cut = c->tls->names_cut;
	s.cut |= !copy(s.sni, sizeof(s.sni), c->tls->sni);
	s.cut |= !copy(s.alpn, sizeof(s.alpn), c->tls->alpn);
	return s;
}
