/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text that is safe in a label, a log or a terminal: valid UTF-8 without control and
 * direction-changing characters. */
#pragma once

#include <stddef.h>

/* The size in bytes (1 to 4) of the character at |s|, of which |left_bytes| > 0 are readable; 0
 * when it is not valid UTF-8 (RFC 3629), a C0 or C1 control, DEL, or one of Unicode's line
 * separators and bidirectional controls. On 0 the caller skips one byte and writes UTF8_REPLACEMENT
 * for it. */
size_t utf8_safe(const char *s, size_t left_bytes);

#define UTF8_REPLACEMENT "\xef\xbf\xbd"
