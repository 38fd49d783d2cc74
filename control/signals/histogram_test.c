// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Histograms against sorted samples and against definitions. */
#include "control/signals/histogram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SAMPLES 20000

static uint64_t random_state = 88172645463325252ull;

static uint64_t random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* A quantile must lie within |tolerance| of the sample of that rank. */
static void check_quantiles(const struct histogram *h, uint64_t *samples, size_t count,
			    double tolerance)
{
	static const double quantiles[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};

	qsort(samples, count, sizeof(*samples), compare);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		size_t rank = (size_t)fmax(ceil(quantiles[i] * (double)count), 1);
		double truth = (double)samples[rank - 1];

		assert_true(fabs(histogram_quantile(h, quantiles[i]) - truth) <= truth * tolerance);
	}
}

static void test_quantiles_of_one_decade(void **state)
{
	struct histogram h = {0};
	static uint64_t samples[SAMPLES];

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		samples[i] = 1000000 + random_u64() % 9000000;
		histogram_add(&h, samples[i], 1);
	}
	assert_int_equal(h.coarser, 0);
	assert_int_equal(h.count, SAMPLES);
	check_quantiles(&h, samples, SAMPLES, 0.0443);
}

static void test_quantiles_of_a_wide_range(void **state)
{
	struct histogram h = {0};
	static uint64_t samples[SAMPLES];

	(void)state;
	for (size_t i = 0; i < SAMPLES; i++) {
		samples[i] = (uint64_t)exp2((double)(random_u64() % 3400) / 100);
		histogram_add(&h, samples[i], 1);
	}
	assert_int_equal(h.coarser, 1);
	check_quantiles(&h, samples, SAMPLES, 0.091);
}

static void test_all_of_64_bits_fit(void **state)
{
	struct histogram h = {0};
	uint64_t total = 0;

	(void)state;
	histogram_add(&h, UINT64_MAX, 1);
	histogram_add(&h, 1, 1);
	histogram_add(&h, 0, 1);
	for (unsigned i = 0; i < 64; i++)
		histogram_add(&h, 1ull << i, 2);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += h.counts[i];
	assert_int_equal(total + h.zeros, h.count);
	assert_int_equal(h.count, 3 + 128);
	assert_int_equal(h.min, 0);
	assert_int_equal(h.max, UINT64_MAX);
}

static void test_powers_of_two_lie_on_their_upper_bound(void **state)
{
	struct histogram h = {0};

	(void)state;
	histogram_add(&h, 1024, 1);
	histogram_add(&h, 1025, 1);
	assert_int_equal(h.counts[79 - h.first], 1);
	assert_int_equal(h.counts[80 - h.first], 1);
}

static void test_merge_equals_adding(void **state)
{
	struct histogram whole = {0}, merged = {0}, parts[7];

	(void)state;
	memset(parts, 0, sizeof(parts));
	for (size_t i = 0; i < SAMPLES; i++) {
		uint64_t value = random_u64() >> (random_u64() % 40 + i % 7 * 3);

		histogram_add(&whole, value, 1);
		histogram_add(&parts[i % 7], value, 1);
	}
	for (unsigned i = 0; i < 7; i++)
		histogram_merge(&merged, &parts[i]);
	assert_int_equal(merged.count, whole.count);
	assert_int_equal(merged.zeros, whole.zeros);
	assert_int_equal(merged.min, whole.min);
	assert_int_equal(merged.max, whole.max);
	assert_int_equal(merged.coarser, whole.coarser);
	for (unsigned i = 0; i <= 20; i++)
		assert_true(histogram_quantile(&merged, i / 20.0) ==
			    histogram_quantile(&whole, i / 20.0));
}

static void test_empty_and_zero(void **state)
{
	struct histogram h = {0}, other = {0};

	(void)state;
	assert_true(histogram_quantile(&h, 0.5) == 0);
	histogram_merge(&other, &h);
	assert_int_equal(other.count, 0);
	histogram_add(&h, 0, 10);
	histogram_add(&h, 100, 1);
	assert_true(histogram_quantile(&h, 0.5) == 0);
	assert_true(histogram_quantile(&h, 1) == 100);
}

static void test_classic_bounds_are_inclusive(void **state)
{
	struct buckets b = {0};

	(void)state;
	assert_int_equal(buckets_add(&b, &bounds_milliseconds, 0), 0);
	assert_int_equal(buckets_add(&b, &bounds_milliseconds, 500000), 0);
	assert_int_equal(buckets_add(&b, &bounds_milliseconds, 500001), 1);
	assert_int_equal(buckets_add(&b, &bounds_milliseconds, 1000000), 1);
	assert_int_equal(buckets_add(&b, &bounds_milliseconds, 3600000000000), 18);
	assert_int_equal(buckets_add(&b, &bounds_milliseconds, 3600000000001), 19);
	assert_int_equal(b.count, 6);
	assert_int_equal(b.sum, 0 + 500000 + 500001 + 1000000 + 3600000000000 + 3600000000001);
}

static void test_classic_bytes_are_exact(void **state)
{
	struct buckets b = {0};
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(buckets_add(&b, &bounds_bytes, 0), 0);
	assert_int_equal(buckets_add(&b, &bounds_bytes, 1), 1);
	assert_int_equal(buckets_add(&b, &bounds_bytes, 5), 2);
	assert_int_equal(buckets_add(&b, &bounds_bytes, 6), 3);
	sum = 12;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t value = random_u64() >> 20;

		buckets_add(&b, &bounds_bytes, value);
		sum += value;
	}
	assert_int_equal(b.sum, sum);
	assert_int_equal(b.count, 1004);
}

static void test_texts_are_the_bounds(void **state)
{
	const struct bucket_bounds *all[] = {&bounds_milliseconds, &bounds_bytes, &bounds_seconds};

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		for (unsigned i = 0; i + 1 < all[n]->count; i++) {
			double text = atof(all[n]->text[i]);

			assert_true(text == atof(all[n]->text_openmetrics[i]));
			assert_true(
				all[n]->upper[i] ==
				(uint64_t)(text * pow(10, all[n]->decimals) + (n == 1 ? 0 : 0.5)));
			assert_true(!i || all[n]->upper[i] > all[n]->upper[i - 1]);
		}
		assert_string_equal(all[n]->text[all[n]->count - 1], "+Inf");
		assert_true(all[n]->upper[all[n]->count - 1] == UINT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles_of_one_decade),
		cmocka_unit_test(test_quantiles_of_a_wide_range),
		cmocka_unit_test(test_all_of_64_bits_fit),
		cmocka_unit_test(test_powers_of_two_lie_on_their_upper_bound),
		cmocka_unit_test(test_merge_equals_adding),
		cmocka_unit_test(test_empty_and_zero),
		cmocka_unit_test(test_classic_bounds_are_inclusive),
		cmocka_unit_test(test_classic_bytes_are_exact),
		cmocka_unit_test(test_texts_are_the_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
