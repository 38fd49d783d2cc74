/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts of an X.509 certificate (RFC 5280). Nothing is verified: the peers did that, weft only
 * reports. */
#pragma once

#include "datapath/decode/tls.h"

/* Fills |ret| from the certificate's DER. Control characters and bytes beyond ASCII come out
 * escaped (RFC 2253) or as '?'. Returns 0, or -EBADMSG and an untouched |ret| when it is not a
 * certificate. */
int tls_certificate_read(struct slice der, struct tls_certificate *ret);
