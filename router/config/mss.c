#include "config/mss.h"

#define UNKNOWN_MARGIN 80 /* one more encapsulation of the size of ours */

uint32_t mss_wireguard_mtu(uint32_t underlay, uint32_t overhead)
{
	return (underlay - overhead) & ~15U;
}

uint32_t mss_unknown_mtu(uint32_t tunnel)
{
	return tunnel - UNKNOWN_MARGIN;
}

uint16_t mss_of_mtu(uint32_t mtu)
{
	return (uint16_t)(mtu - 40);
}
