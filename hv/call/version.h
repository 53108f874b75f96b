/* SPDX-License-Identifier: MIT */
/* What xen_version tells that somebody above has to say. */
#ifndef LODGE_CALL_VERSION_H
#define LODGE_CALL_VERSION_H

/* The hypervisor's own command line, for XENVER_commandline; is copied. */
void version_set_commandline(const char *text);

#endif
