/* SPDX-License-Identifier: MIT */
/*
 * A second guest that does as it is told, for tests between two domains. It is
 * the same program with the word "peer" on its command line: it grants a page,
 * the box, to domain 0 (entry GRANT_FIRST) and then obeys what is written
 * there. All addresses in the box are the peer's.
 */
#ifndef LODGER_PEER_H
#define LODGER_PEER_H

#include "hypercall.h"

#define PEER_PAGES 8
#define PEER_ROOM  2048

enum { PEER_CALL = 1, PEER_READ, PEER_WRITE, PEER_CRASH, PEER_END };

/* Words of 64 bits, whatever the width of the two. */
struct peer_box {
	uint64_t ready;
	volatile uint64_t order, done;
	uint64_t what, arg[6];
	uint64_t result;
	uint64_t table; /* its grant table */
	uint64_t mfn[PEER_PAGES], page[PEER_PAGES];
	uint64_t room_at;
	uint64_t room[PEER_ROOM / 8];
};

/* The peer's whole life; returns when it is told to end. */
void peer_serve(void);

/*
 * Finds the peer (domain 1; or else it is built from our ramdisk, if that is a
 * guest) and maps its box. Its number, or 0 if there is no other domain.
 */
domid_t peer_find(void);
/* Lets go of the box, when the peer is to end or has ended. */
void peer_forget(void);
extern struct peer_box *box;
/* True when the peer is a child of ours: it stays until it is destroyed. */
extern int peer_built;

/* Orders: a hypercall there, with arguments copied to box->room first. */
long peer_call(unsigned long op, uint64_t a1, uint64_t a2, uint64_t a3);
/* One operation of grant_table_op there; the operation is copied both ways. */
long peer_grant_op(unsigned int cmd, void *op, size_t size);
/* Its memory. */
void peer_read(uint64_t from, void *to, size_t n);
void peer_write(uint64_t to, const void *from, size_t n);
/* An entry of its table (version 1): written in order, flags read, ended. */
void peer_access(grant_ref_t ref, domid_t dom, uint64_t mfn,
		 unsigned int flags);
unsigned int peer_flags(grant_ref_t ref);
/* Tells it to end or crash, which cannot be waited for. */
void peer_tell(unsigned int what);

#endif
