// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Policies from YAML to the kernel: random policies as operators write them, and connections,
 * answered by the loaded program, by the walk in user space and by the judge that was written from
 * the specification. No difference. And cells with a defect are caught. */
#include "datapath/attach/mesh/mesh_world_test.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "mesh-config/policy/names_test.h"
#include "mesh-config/policy/yaml_test.h"

#define WORLDS	      2500
#define CONNECTIONS   60
#define DEFECT_WORLDS 150
#define ARENA_FULL    12000 /* cells: a generation comes into force when there are so many */

struct pair {
	struct weft_policy_question question;
	struct weft_policy_answer answer; /* of the walk in user space */
	struct spec_verdict verdict;
};

static struct names names;
static struct spec_policy specs[WORLD_POLICIES];
static struct pair pairs[WORLDS * CONNECTIONS];
static unsigned asked, waiting, flips, kernel_differs, judge_differs;

/* ---- defects that cells could have */

typedef void damage(struct weft_mesh_step *step);

static void damage_port(struct weft_mesh_step *step)
{
	if (step->kind == WEFT_STEP_PORT)
		step->value.ports[0]++;
}

static void damage_prefix(struct weft_mesh_step *step)
{
	bool has_prefixes = step->kind == WEFT_STEP_SOURCE_IP || step->kind == WEFT_STEP_TARGET_IP;

	if (has_prefixes && step->value.prefixes[0].bits < 128)
		step->value.prefixes[0].bits++;
}

static void damage_bitmap(struct weft_mesh_step *step)
{
	if (step->kind == WEFT_STEP_NAMESPACE || step->kind == WEFT_STEP_PRINCIPAL)
		step->value.bitmap.bytes[0] ^= 1;
}

static void damage_order(struct weft_mesh_step *step)
{
	uint32_t yes = step->yes;

	if (step->kind != WEFT_STEP_PRINCIPAL)
		return;
	step->yes = step->no;
	step->no = yes;
}

static void damage_rule(struct weft_mesh_step *step)
{
	if (step->kind == WEFT_STEP_VERDICT && step->action == WEFT_ACTION_DENY)
		step->value.verdict.rule++;
}

static void cells_damage(struct authorize *a, damage *seed)
{
	for (uint32_t i = 0; i < a->steps.count; i++)
		if (a->steps.lengths[i])
			seed(&a->steps.cells[i]);
}

/* Random policies go into the arena that is built, questions about them wait. */
static void world_put(damage *seed)
{
	struct evaluate_cells cells;
	struct spec_connection c;
	struct authorize a;
	struct error err;
	int count = random_policies(specs);
	struct mesh *mesh = mesh_of_yaml(specs, count);

	if (authorize_compile(mesh, &names.view, &a, &err))
		fail_msg("%s", err.text);
	authorize_place(&a, cells_take(a.steps.count));
	cells = (struct evaluate_cells){a.steps.cells, a.steps.base, a.steps.count};
	for (int i = 0; i < CONNECTIONS; i++) {
		struct pair *p = &pairs[waiting++];

		random_connection(&c);
		question_fill(&p->question, &c, &a);
		p->verdict = spec_judge(specs, count, &c);
		evaluate(&cells, &p->question, &p->answer, NULL, NULL);
	}
	if (seed)
		cells_damage(&a, seed);
	if (a.steps.count)
		memcpy(cell(a.steps.base), a.steps.cells,
		       a.steps.count * sizeof(struct weft_mesh_step));
	authorize_free(&a);
	mesh_free(mesh);
}

static void pair_ask(int fd, const struct pair *p)
{
	struct weft_policy_probe probe = {.question = p->question};
	const struct weft_policy_answer *a = &probe.answer;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &probe, .ctx_size_in = sizeof(probe));
	bool same;

	probe.question.generation = mesh_maps_live(maps)->generation;
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	asked++;
	kernel_differs += memcmp(a, &p->answer, sizeof(*a)) != 0;
	same = (a->action == WEFT_ACTION_ALLOW) == p->verdict.allowed &&
	       a->notes == p->verdict.notes && (int)a->rule == p->verdict.rule &&
	       a->policy == (p->verdict.policy == SPEC_NONE ? WEFT_NUMBER_NONE
							    : (uint32_t)p->verdict.policy);
	judge_differs += !same;
}

static void all_ask(void)
{
	int fd = bpf_program__fd(attach_program(attach, PROGRAM_mesh_policy));

	mesh_force();
	flips++;
	for (unsigned i = 0; i < waiting; i++)
		pair_ask(fd, &pairs[i]);
	waiting = 0;
}

static void worlds_ask(int worlds, damage *seed)
{
	world_seed = 815;
	asked = flips = kernel_differs = judge_differs = 0;
	mesh_begin();
	for (int i = 0; i < worlds; i++) {
		world_put(seed);
		if (used < ARENA_FULL && i < worlds - 1)
			continue;
		all_ask();
		mesh_begin();
	}
}

static void test_kernel_agrees(void **state)
{
	(void)state;
	worlds_ask(WORLDS, NULL);
	print_message("%u pairs in %u generations: %u differ between kernel and user space, %u "
		      "from the judge\n",
		      asked, flips, kernel_differs, judge_differs);
	assert_true(asked >= 100000);
	assert_int_equal(kernel_differs, 0);
	assert_int_equal(judge_differs, 0);
}

static void test_defects_are_caught(void **state)
{
	static const struct {
		const char *name;
		damage *seed;
	} defects[] = {{"one port off by one", damage_port},
		       {"prefix longer by a bit", damage_prefix},
		       {"one bit of a set turned", damage_bitmap},
		       {"yes is no", damage_order},
		       {"another rule named", damage_rule}};

	(void)state;
	for (int i = 0; i < COUNT_OF(defects); i++) {
		worlds_ask(DEFECT_WORLDS, defects[i].seed);
		print_message("%s: %u of %u verdicts differ\n", defects[i].name, judge_differs,
			      asked);
		assert_true(judge_differs > 0);
		assert_true(kernel_differs > 0);
	}
}

/* A graph that does not end, or points at what is not there, denies and says so. */
static void test_broken_graphs(void **state)
{
	struct weft_policy_probe probe = {.question.generation = 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &probe, .ctx_size_in = sizeof(probe));
	int fd = bpf_program__fd(attach_program(attach, PROGRAM_mesh_policy));
	struct weft_mesh_step *step;
	uint32_t first;

	(void)state;
	mesh_begin();
	first = cells_take(2);
	step = cell(first);
	*step = (struct weft_mesh_step){.kind = WEFT_STEP_PORT, .yes = first, .no = first};
	*++step = (struct weft_mesh_step){.kind = WEFT_STEP_PORT, .yes = 1u << 30, .no = 1u << 30};
	mesh_force();
	for (uint32_t i = 0; i < 2; i++) {
		probe.question.generation = mesh_maps_live(maps)->generation;
		probe.question.step = first + i;
		assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
		assert_int_equal(probe.answer.action, WEFT_ACTION_DENY);
		assert_int_equal(probe.answer.broken, 1);
		assert_int_equal(probe.answer.steps, i ? 1 : WEFT_MESH_STEPS);
	}
	probe.question.generation--;
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal(probe.answer.action, WEFT_ACTION_STALE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_agrees),
		cmocka_unit_test(test_defects_are_caught),
		cmocka_unit_test(test_broken_graphs),
	};

	names_fill(&names);
	return world_run(tests);
}
