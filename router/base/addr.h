/* addr.h - one address or prefix, either family. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define ADDR_STRLEN 50 /* INET6_ADDRSTRLEN plus "/128" */

struct addr {
	uint8_t family;	   /* AF_INET, AF_INET6; 0 is "unset" */
	uint8_t bits;	   /* prefix length; 32 or 128 for a host */
	uint8_t bytes[16]; /* network order, unused tail zero: memcmp() is equality */
};

/* "10.0.0.5", "10.0.0.5/24", "2001:db8::/32": inet_pton(3)'s forms, then at most one decimal
 * prefix length without leading zeros. Host bits are kept. False: anything else. */
bool addr_parse(const char *text, struct addr *ret);
struct addr addr_from(int family, const void *bytes, unsigned bits);
const char *addr_print(const struct addr *a, char buf[static ADDR_STRLEN]); /* with /bits */
const char *addr_print_host(const struct addr *a, char buf[static ADDR_STRLEN]); /* without */
int addr_compare(const struct addr *a, const struct addr *b); /* family, bits, bytes */
bool addr_contains(const struct addr *prefix, const struct addr *a);
bool addr_is_host(const struct addr *a);
bool addr_is_prefix(const struct addr *a); /* the bits after the prefix are zero */
unsigned addr_size(const struct addr *a);  /* bytes: 4 or 16 */
