/* SPDX-License-Identifier: MIT */
/*
 * The table of domains: a small array indexed by domain id, read without a
 * lock (domain.h says how long what is found stays good), changed under one.
 */
#include "domain/domain.h"
#include "log/log.h"
#include "lib/printf.h"

static struct spinlock table_lock = SPINLOCK_INIT(LOCK_RANK_DOMLIST);
static atomic64_t
	table[DOMAIN_IDS]; /* struct domain *; table_lock to change */

/* No frame has this owner: who names it is asked what he may use. */
struct domain domain_io = { .id = DOMID_SELF };
struct domain domain_shown = { .id = FRAME_SHOWN };

static struct domain *at(uint32_t id)
{
	return (struct domain *)atomic64_load(&table[id]);
}

struct domain *domain_find(uint16_t id)
{
	return id < DOMAIN_IDS ? at(id) : NULL;
}

struct domain *domain_next(int id)
{
	for (uint32_t i = (uint32_t)(id + 1); i < DOMAIN_IDS; i++)
		if (at(i))
			return at(i);
	return NULL;
}

int domain_publish(struct domain *d, uint16_t first, uint16_t last)
{
	int error = -ENFILE;

	spin_lock(&table_lock);
	for (uint32_t i = first; i <= last && i < DOMAIN_IDS; i++) {
		if (at(i))
			continue;
		d->id = (uint16_t)i;
		atomic64_store(&table[i], (uint64_t)d);
		error = 0;
		break;
	}
	spin_unlock(&table_lock);
	return error;
}

void domain_withdraw(struct domain *d)
{
	spin_lock(&table_lock);
	atomic64_store(&table[d->id], 0);
	spin_unlock(&table_lock);
}

struct domain *domain_from_arg(const struct vcpu *v, uint16_t id, int *error)
{
	struct domain *d;

	if (id == DOMID_SELF || id == v->domain->id)
		return v->domain;
	d = v->domain->privileged ? domain_find(id) : NULL;
	if (d && !domain_is_dying(d))
		return d;
	*error = v->domain->privileged ? -ESRCH : -EPERM;
	return NULL;
}

bool domain_may_use(struct domain *d, const struct ranges *set, uint64_t first,
		    uint64_t last)
{
	bool may;

	spin_lock(&d->access.lock);
	may = ranges_contain(set, first, last);
	spin_unlock(&d->access.lock);
	return may;
}

int domain_set_use(struct domain *d, struct ranges *set, uint64_t first,
		   uint64_t last, bool allow)
{
	int rc;

	spin_lock(&d->access.lock);
	rc = allow ? ranges_add(set, first, last)
		   : ranges_remove(set, first, last);
	spin_unlock(&d->access.lock);
	return rc;
}

/* Marks every vcpu so that the way back to the guest sees it. */
static void end_begins(struct domain *d, uint32_t reason)
{
	uint32_t was = DOMAIN_ALIVE;

	do {
		if (was != DOMAIN_ALIVE && was != DOMAIN_BUILDING)
			return; /* the first reason stands */
	} while (!atomic32_cmpxchg(&d->state, &was, DOMAIN_SHUTDOWN));
	atomic32_store(&d->shutdown_code, reason);
	for (uint32_t i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i])
			atomic32_or(&d->vcpu[i]->work, VCPU_WORK_DYING);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
	char why[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	log_error("domain %u (%s) crashed: %s", d->id, d->name, why);
	end_begins(d, SHUTDOWN_crash);
}

void domain_shutdown(struct domain *d, uint32_t reason)
{
	end_begins(d, reason);
}
