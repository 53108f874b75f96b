/* SPDX-License-Identifier: MIT */
/*
 * Domains come and go, and nothing is lost.
 *
 * Some places for children, and one random step after another at one of them:
 * a child is created (or only begun), paused, let go, mapped by foreign
 * mappings and by its grants, saved and restored as another domain, destroyed;
 * some while we still map their pages. When the last is gone the machine has as
 * many free pages as when the first came, to the page.
 *
 * "cycles=" says how many are destroyed, "seed=" which steps these are.
 */
#include "lodger.h"

#define PAGES  1024
#define PLACES 4
#define GRANTS 4
#define REF    GRANT_FIRST

enum state { NONE, BARE, PAUSED, RUNS };

static struct place {
	enum state state;
	struct child child;
	grant_handle_t handle[GRANTS];
	int mapped[GRANTS];
} places[PLACES];

static struct child second;
static unsigned long destroyed;

static unsigned int random_below(unsigned int n)
{
	static unsigned long x;

	if (!x)
		x = option_number("seed=", 1);
	x = x * 6364136223846793005UL + 1442695040888963407UL;
	return (unsigned int)(x >> 33) % n;
}

static char *window_of(const struct place *p, unsigned int i)
{
	return (char *)GRANT_WINDOW + ((p - places) * GRANTS + i) * PAGE_SIZE;
}

/* ---- the child: it counts on its last page, and sleeps between ---- */

static void be_a_child(void)
{
	volatile unsigned long *count = pfn_to_virt(start_info->nr_pages - 1);

	timer_set_period(0);
	for (;;) {
		++*count;
		timer_set(clock_now() + MILLISECOND, 0);
		HYPERVISOR_sched_op(SCHEDOP_block, 0);
	}
}

/* ---- steps ---- */

/* Entries for us in the child's table, as a toolstack writes them. */
static void seed_grants(const struct child *child)
{
	grant_entry_v1_t *table;
	xen_pfn_t mfn;
	unsigned int i;

	TEST_RESULT(control_grant_frame(child->dom, &mfn), 0);
	table = control_map(0, child->dom, &mfn, 1);
	for (i = 0; i < GRANTS; i++) {
		table[REF + i].domid = 0;
		table[REF + i].frame = (uint32_t)child->frame[PAGES - 1 - i];
		table[REF + i].flags = GTF_permit_access;
	}
	control_unmap(0, 1);
}

static void create(struct place *p)
{
	if (random_below(4) == 0) {
		TEST_RESULT(child_empty(&p->child, PAGES), 0);
		p->state = BARE;
		return;
	}
	TEST_RESULT(child_create(&p->child, PAGES, "child"), 0);
	seed_grants(&p->child);
	p->state = PAUSED;
}

static void toggle(struct place *p)
{
	if (p->state == BARE)
		return;
	TEST_RESULT(p->state == RUNS ? control_pause(p->child.dom)
				     : control_unpause(p->child.dom),
		    0);
	p->state = p->state == RUNS ? PAUSED : RUNS;
}

/* Maps one of its pages by a grant, or lets go of it. */
static void grants(struct place *p)
{
	unsigned int i = random_below(GRANTS);

	if (p->state == BARE)
		return;
	if (p->mapped[i]) {
		TEST_RESULT(grant_unmap_at(p->handle[i], window_of(p, i)),
			    GNTST_okay);
	} else {
		TEST_RESULT(grant_map_at(p->child.dom, REF + i,
					 random_below(2) ? GNTMAP_readonly : 0,
					 window_of(p, i), &p->handle[i]),
			    GNTST_okay);
	}
	p->mapped[i] = !p->mapped[i];
}

static void look(struct place *p)
{
	unsigned int first = random_below(PAGES - CONTROL_WINDOW_PAGES), i;
	const volatile char *pages = control_look(
		0, p->child.dom, &p->child.frame[first], CONTROL_WINDOW_PAGES);
	unsigned int sum = 0;

	for (i = 0; i < CONTROL_WINDOW_PAGES; i++)
		sum += (unsigned char)pages[i * PAGE_SIZE];
	(void)sum;
	control_unmap(0, CONTROL_WINDOW_PAGES);
}

static void let_go(struct place *p)
{
	unsigned int i;

	for (i = 0; i < GRANTS; i++) {
		if (!p->mapped[i])
			continue;
		TEST_RESULT(grant_unmap_at(p->handle[i], window_of(p, i)),
			    GNTST_okay);
		p->mapped[i] = 0;
	}
}

/* Before or after we have let go of its pages. */
static void destroy(struct place *p)
{
	if (random_below(2))
		let_go(p);
	TEST_RESULT(control_destroy(p->child.dom), 0);
	let_go(p);
	child_gone(&p->child);
	p->state = NONE;
	destroyed++;
}

static void save(struct place *p)
{
	int runs = p->state == RUNS;

	if (p->state == BARE)
		return;
	if (runs)
		toggle(p);
	TEST_RESULT(child_copy(&second, &p->child), 0);
	destroy(p);
	p->child = second;
	p->state = PAUSED;
	seed_grants(&p->child);
	if (runs)
		toggle(p);
}

static void step(void)
{
	struct place *p = &places[random_below(PLACES)];

	if (p->state == NONE) {
		create(p);
		return;
	}
	switch (random_below(8)) {
	case 0:
		destroy(p);
		break;
	case 1:
		save(p);
		break;
	case 2:
		toggle(p);
		break;
	case 3:
		look(p);
		break;
	default:
		grants(p);
	}
}

static void prepare(void)
{
	unsigned int i, k;

	for (i = 0; i < PLACES; i++)
		for (k = 0; k < GRANTS; k++)
			table_prepare(window_of(&places[i], k));
}

static void destroy_all(void)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		if (places[i].state != NONE)
			destroy(&places[i]);
}

/* What is made once and kept: a place for our handles. */
static void warm_up(void)
{
	unsigned int i;
	uint64_t end;

	TEST_RESULT(child_create(&places[0].child, PAGES, "child"), 0);
	seed_grants(&places[0].child);
	places[0].state = PAUSED;
	for (i = 0; i < 2 * GRANTS; i++)
		grants(&places[0]);
	destroy_all();
	for (end = clock_now() + SECOND / 2; clock_now() < end;)
		HYPERVISOR_sched_op(SCHEDOP_yield, 0);
}

void test_main(void)
{
	unsigned long cycles = option_number("cycles=", 40);
	unsigned long before, after = 0;
	uint64_t end;

	if (option("child"))
		be_a_child();
	timer_set_period(0);
	if (!child_image())
		test_skip("the ramdisk is no guest");
	prepare();
	warm_up();
	before = control_free_pages();
	destroyed = 0;
	while (destroyed < cycles)
		step();
	destroy_all();
	end = clock_now() + 10 * SECOND;
	while (after != before && clock_now() < end)
		after = control_free_pages();
	TEST_ASSERT(after == before, "%lu free pages, not %lu", after, before);
	printf("%lu domains, %lu pages free\n", destroyed, after);
}
