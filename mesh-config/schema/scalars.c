// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nothing is taken that is not whole: no blanks, no signs, no rest. */
#include "mesh-config/schema/scalars.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>

bool number_parse(struct slice text, uint32_t *ret)
{
	uint64_t value = 0;

	if (!text.size_bytes || text.size_bytes > 10)
		return false;
	for (size_t i = 0; i < text.size_bytes; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.data[i] - '0');
	}
	if (value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool prefix_clear(struct mesh_prefix *p)
{
	bool clean = true;

	for (unsigned bit = p->bits; bit < 128; bit++) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		clean &= !(p->address[bit / 8] & mask);
		p->address[bit / 8] &= (uint8_t)~mask;
	}
	return clean;
}

bool prefix_parse(struct slice text, struct mesh_prefix *ret, bool *ret_clean)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = memchr(text.data, '/', text.size_bytes);
	size_t n = slash ? (size_t)(slash - text.data) : text.size_bytes;
	bool v4 = memchr(text.data, '.', n) && !memchr(text.data, ':', n);
	uint32_t bits = v4 ? 32 : 128, most = bits;

	if (n >= sizeof(address))
		return false;
	slice_copy((struct slice){text.data, n}, address, sizeof(address));
	*ret = (struct mesh_prefix){.address = {[10] = 0xff, [11] = 0xff}};
	if (inet_pton(v4 ? AF_INET : AF_INET6, address, ret->address + (v4 ? 12 : 0)) != 1)
		return false;
	if (slash && (!number_parse((struct slice){slash + 1, text.size_bytes - n - 1}, &bits) ||
		      bits > most))
		return false;
	ret->bits = (uint8_t)(bits + (v4 ? 96 : 0));
	*ret_clean = prefix_clear(ret);
	return true;
}

/* The unit at |s| in ms, its length in *|ret_size|; 0 if it is none. */
static double unit_ms(const char *s, size_t left, size_t *ret_size)
{
	static const struct {
		const char *name;
		size_t size;
		double ms;
	} units[] = {{"ms", 2, 1},   {"us", 2, 0.001}, {"ns", 2, 0.000001},
		     {"s", 1, 1000}, {"m", 1, 60000},  {"h", 1, 3600000}};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (left >= units[i].size && !memcmp(s, units[i].name, units[i].size)) {
			*ret_size = units[i].size;
			return units[i].ms;
		}
	return 0;
}

bool duration_parse(struct slice text, uint32_t *ret_ms)
{
	double total = 0;
	size_t i = 0;

	if (!text.size_bytes || text.size_bytes > 40)
		return false;
	while (i < text.size_bytes) {
		double number = 0, scale = 1, unit;
		size_t start = i, size = 0;
		bool point = false;

		for (; i < text.size_bytes &&
		       (strchr("0123456789", text.data[i]) || (text.data[i] == '.' && !point));
		     i++) {
			point |= text.data[i] == '.';
			if (text.data[i] != '.')
				number = number * 10 + (text.data[i] - '0');
			scale *= point && text.data[i] != '.' ? 10 : 1;
		}
		unit = i > start ? unit_ms(text.data + i, text.size_bytes - i, &size) : 0;
		if (unit <= 0)
			return false;
		i += size;
		total += number / scale * unit;
	}
	if (total > (double)UINT32_MAX || fabs(total - round(total)) > 1e-5)
		return false; /* too long, or no whole number of ms */
	*ret_ms = (uint32_t)llround(total);
	return true;
}
