/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first line of an HTTP/1 message, as far as it is there (RFC 9112 3 and 4). Pure. */
#pragma once

#include "datapath/decode/match.h"

/* A method is any token (RFC 9110 9.1). Many line protocols look like "WORD argument" too: where
 * the version is not here yet, a method that is not registered needs a path. |known_only|: what
 * comes before these bytes may be missing ("ST" is the end of a method). */
enum match http1_match_request(struct slice s, bool known_only);

/* "HTTP/1.x nnn" */
enum match http1_match_response(struct slice s);
