/* SPDX-License-Identifier: MIT */
/*
 * What control software asks of domains. Decoders: an operation is checked
 * here and done by a lower room.
 */
#ifndef LODGE_CONTROL_H
#define LODGE_CONTROL_H

#include "domain/domain.h"

/*
 * One domctl of v's privileged domain on d (not dying, another one or its
 * own), copied in. Sets *answer when op is to be copied back, which may be so
 * with an error too. -ERESTART: again, with op as it is now.
 */
[[nodiscard]] int control_domctl(struct vcpu *v, struct domain *d,
				 struct xen_domctl *op, bool *answer);

/* XEN_DOMCTL_getdomaininfo, and the entries of sysctl's list (info.c). */
void control_domain_info(struct domain *d,
			 struct xen_domctl_getdomaininfo *out);
/* XEN_DOMCTL_shadow_op (shadow.c). */
[[nodiscard]] int control_shadow(struct domain *d,
				 struct xen_domctl_shadow_op *op);

#endif
