/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the agent says about itself: numbers for the metrics, JSON for `weft status` and `weft check`. */
#pragma once

struct agent;
struct text;

/* Brings the health numbers up to date and hands them to signals. |arg| is the agent. */
void status_refresh(void *arg);

/* One JSON object and a line end. |arg| is the agent. */
void status_write(void *arg, struct text *out);
void status_write_check(void *arg, struct text *out);
