/* clamp_rule.h - one rule of the nftables table that clamp.c keeps.
 *
 * A rule lowers the MSS in SYNs of one direction of one link. Writes such a rule and knows
 * it again; any other rule is refused, however little it differs. Memory is libnftnl's: the
 * caller makes and frees the rules, and where there is none left the process ends. */
#pragma once

#include <libnftnl/rule.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define CLAMP_RULE_BYTES 1024 /* more than its message takes, whatever the link: 684 */

struct clamp_rule {
	char link[IFNAMSIZ]; /* unused tail zero: nf_tables compares all of it */
	uint32_t key;	     /* NFT_META_IIFNAME or NFT_META_OIFNAME */
	uint16_t mss;	     /* bytes */
};

/* Adds r's expressions to a rule that has none. */
void clamp_rule_write(struct nftnl_rule *to, const struct clamp_rule *r);
/* False: not a rule that clamp_rule_write() would make. */
bool clamp_rule_read(const struct nftnl_rule *from, struct clamp_rule *ret);
