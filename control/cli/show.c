// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Defaults for absent and null fields. */
#include "control/cli/show.h"

#include "datapath/decode/redact.h"

#include <math.h>
#include <stdio.h>

const char *field_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

const char *field_shown(const json_t *object, const char *key, char out[SHOWN_MAX])
{
	const json_t *value = json_object_get(object, key);
	struct slice text = SLICE("-");

	if (json_is_string(value))
		text = (struct slice){json_string_value(value), json_string_length(value)};
	text_escape(text, out, SHOWN_MAX);
	return out;
}

double field_real(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : NAN;
}

long long field_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *human_bytes(double bytes, char out[16])
{
	static const char units[] = "BKMGTP";
	unsigned unit = 0;

	if (isnan(bytes)) {
		snprintf(out, 16, "-");
		return out;
	}
	while (bytes >= 1000 && units[unit + 1]) {
		bytes /= 1024;
		unit++;
	}
	snprintf(out, 16, unit && bytes < 10 ? "%.1f%c" : "%.0f%c", bytes, units[unit]);
	return out;
}

const char *human_rate(double per_second, char out[16])
{
	if (isnan(per_second))
		snprintf(out, 16, "-");
	else if (per_second >= 10000)
		snprintf(out, 16, "%.1fk", per_second / 1000);
	else
		snprintf(out, 16, per_second < 10 && per_second > 0 ? "%.1f" : "%.0f", per_second);
	return out;
}

const char *human_ms(double ms, char out[16])
{
	if (isnan(ms))
		snprintf(out, 16, "-");
	else if (ms >= 10000)
		snprintf(out, 16, "%.1fs", ms / 1000);
	else
		snprintf(out, 16, ms < 10 ? "%.2fms" : "%.0fms", ms);
	return out;
}

const char *human_share(double share, char out[16])
{
	if (isnan(share))
		snprintf(out, 16, "-");
	else if (share > 0 && share < 0.0005)
		snprintf(out, 16, "<0.1%%");
	else
		snprintf(out, 16, "%.1f%%", share * 100);
	return out;
}

const char *human_count(long long count, const char *one, const char *many, char out[48])
{
	snprintf(out, 48, "%lld %s", count, count == 1 ? one : many);
	return out;
}

const char *human_holdings(const long long counts[HOLDINGS], char out[200])
{
	static const char *const words[HOLDINGS][2] = {
		[HOLDS_SERVICES] = {"service", "services"},
		[HOLDS_ENDPOINTS] = {"endpoint", "endpoints"},
		[HOLDS_WORKLOADS] = {"workload", "workloads"},
		[HOLDS_POLICIES] = {"policy", "policies"},
		[HOLDS_FILES] = {"file", "files"},
	};
	char count[48];
	size_t used = 0;

	for (size_t i = 0; i < HOLDINGS; i++)
		used += (size_t)snprintf(out + used, 200 - used, "%s%s",
					 !i		    ? ""
					 : i == HOLDS_FILES ? " in "
							    : ", ",
					 human_count(counts[i], words[i][0], words[i][1], count));
	return out;
}

struct colors colors_of(bool on)
{
	if (!on)
		return (struct colors){"", "", "", "", "", "", ""};
	return (struct colors){"\033[1m",  "\033[2m",  "\033[31m", "\033[32m",
			       "\033[33m", "\033[36m", "\033[0m"};
}
