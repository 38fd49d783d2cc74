// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What Docker, containerd, nerdctl, Podman and CRI-O write, and what else may lie there. */
#include "control/agent/runtime_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID    "4f1c8a0b9d2e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
#define OTHER "5f1c8a0b9d2e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"

static const struct {
	const char *text;
	const char *workload; /* NULL: the file does not say it */
	const char *namespace_name;
} files[] = {
	/* Docker */
	{"{\"StreamConfig\":{},\"State\":{\"Running\":true,\"Pid\":812},\"ID\":\"" ID "\","
	 "\"Config\":{\"Hostname\":\"4f1c8a0b9d2e\",\"Image\":\"nginx:1.25\"},\"Name\":\"/"
	 "shop-web-1\"}",
	 "shop-web-1", ""},
	{"{\"ID\":\"" OTHER "\",\"Name\":\"/web\"}", NULL, NULL},
	{"{\"ID\":\"" ID
	 "\",\"Name\":\"/k8s_cart_cart-7d4b9f6c8-x2k9p_shop_0f6d2c1a-1111-2222_0\"}",
	 "cart", "shop"},
	{"{\"ID\":\"" ID "\",\"Name\":\"/k8s_cart\"}", "k8s_cart", ""},
	/* containerd: its CRI plugin, nerdctl, neither */
	{"{\"ociVersion\":\"1.0.2\",\"annotations\":{\"io.kubernetes.cri.container-name\":"
	 "\"nginx\","
	 "\"io.kubernetes.cri.sandbox-name\":\"web-5d4f8c7b9d-x2k9p\","
	 "\"io.kubernetes.cri.sandbox-namespace\":\"shop\"}}",
	 "web", "shop"},
	{"{\"annotations\":{\"nerdctl/name\":\"web\",\"nerdctl/namespace\":\"default\"}}", "web",
	 ""},
	{"{\"annotations\":{\"io.kubernetes.cri.sandbox-name\":\"web\"}}", NULL, NULL},
	{"{\"ociVersion\":\"1.0.2\",\"process\":{\"args\":[\"sh\"]}}", NULL, NULL},
	/* containers-storage: Podman, CRI-O */
	{"[{\"id\":\"" OTHER "\",\"names\":[\"db\"]},{\"id\":\"" ID "\",\"names\":[\"web\"],"
	 "\"image\":\"\",\"metadata\":\"{\\\"name\\\":\\\"web\\\"}\"}]",
	 "web", ""},
	{"[{\"id\":\"" ID "\",\"names\":[\"k8s_c_db-0_data_0f6d2c1a-1111_2\"]}]", "db", "data"},
	{"[{\"id\":\"" ID "\",\"names\":[]}]", NULL, NULL},
	{"[{\"id\":\"" ID "\"}]", NULL, NULL},
	{"[{\"id\":7},3,null]", NULL, NULL},
	{"[]", NULL, NULL},
	/* ---- damage */
	{"", NULL, NULL},
	{"{", NULL, NULL},
	{"null", NULL, NULL},
	{"{\"ID\":\"" ID "\",\"Name\":\"/\"}", NULL, NULL},
	{"{\"ID\":\"" ID "\",\"Name\":[]}", NULL, NULL},
	{"{\"annotations\":[]}", NULL, NULL},
};

static void test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct observe_names names = {0};
		bool named = runtime_name_read(files[i].text, strlen(files[i].text), ID, &names);

		assert_int_equal(named, files[i].workload != NULL);
		assert_string_equal(names.workload, named ? files[i].workload : "");
		assert_string_equal(names.namespace_name, named ? files[i].namespace_name : "");
	}
}

/* A Pod's workload is what made it; what only looks so a little is left as it is. */
static void test_pods(void **state)
{
	static const struct {
		const char *pod, *workload;
	} pods[] = {
		{"web-5d4f8c7b9d-x2k9p", "web"},
		{"web-v1-5d4f8c7b9-x2k9p", "web-v1"},
		{"node-exporter-x2k9p", "node-exporter"},
		{"db-0", "db"},
		{"db-12", "db"},
		{"web", "web"},
		{"kube-proxy", "kube-proxy"},
		{"web-cache", "web-cache"},
		{"x2k9p", "x2k9p"},
		{"-x2k9p", "-x2k9p"},
		{"a-5d4f8c7-x2k9p", "a-5d4f8c7"},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(pods) / sizeof(pods[0]); i++) {
		struct observe_names names = {0};

		snprintf(text, sizeof(text),
			 "[{\"id\":\"" ID "\",\"names\":[\"k8s_c_%s_ns_u_0\"]}]", pods[i].pod);
		assert_true(runtime_name_read(text, strlen(text), ID, &names));
		assert_string_equal(names.workload, pods[i].workload);
		assert_string_equal(names.namespace_name, "ns");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_pods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
