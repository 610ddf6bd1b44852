/* trial.h - what this kernel can do, found out by doing it.
 *
 * Each is done as an apply would do it, by a child of ours in a network of its own, which goes
 * with the child: no link, table or counter of this machine is touched. A module that lies
 * ready is loaded by it. */
#pragma once

/* 0; -EOPNOTSUPP: the kernel cannot; -EPERM: only root may try, and one who may make
 * namespaces (CAP_SYS_ADMIN). */
int trial_wireguard(void);
int trial_clamp(void);
