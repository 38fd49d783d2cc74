// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Filling samples. */
#include "control/signals/sample.h"

#include <stdarg.h>
#include <stdio.h>

void sample_reset(struct sample *s)
{
	s->label_count = 0;
	s->value = 0;
	s->decimals = 0;
	s->buckets = NULL;
	s->bounds = NULL;
	s->exemplars = 0;
	s->scratch_used = 0;
}

void sample_label(struct sample *s, const char *name, const char *value)
{
	if (s->label_count < SAMPLE_LABELS_MAX)
		s->labels[s->label_count++] = (struct label){name, value};
}

void sample_label_format(struct sample *s, const char *name, const char *format, ...)
{
	char *text = s->scratch + s->scratch_used;
	size_t room = sizeof(s->scratch) - s->scratch_used;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, room < 64 ? room : 64, format, args);
	va_end(args);
	s->scratch_used += (unsigned)(n < 63 ? n : 63) + 1;
	if (s->scratch_used > sizeof(s->scratch) - 1)
		s->scratch_used = sizeof(s->scratch) - 1;
	sample_label(s, name, text);
}
