/* mss.h - how big a TCP segment may be on a delivery path. Pure arithmetic, in bytes. */
#pragma once

#include <stdint.h>

#define MSS_WG_OVERHEAD4 60 /* IPv4 20, UDP 8, WireGuard data message 32 */
#define MSS_WG_OVERHEAD6 80 /* IPv6 40, UDP 8, WireGuard data message 32 */

/* Largest inner packet WireGuard carries over an underlay of this MTU. Data messages are
 * padded to 16 bytes (https://www.wireguard.com/protocol/ and calculate_skb_padding(),
 * drivers/net/wireguard/send.c), so the room is cut down to whole sixteens. */
uint32_t mss_wireguard_mtu(uint32_t underlay, uint32_t overhead);
/* What to assume of a tunnel whose underlay nobody told us: its MTU less 80. */
uint32_t mss_unknown_mtu(uint32_t tunnel);
uint16_t mss_of_mtu(uint32_t mtu); /* less 20 for IPv4 and 20 for TCP; RFC 9293 3.7.1 */
