#include <stddef.h>

#include "config/mss.h"
#include "t.h"

static const struct {
	uint32_t underlay, overhead, inner;
} wireguard[] = {
	{ 1500, MSS_WG_OVERHEAD4, 1440 },     { 1500, MSS_WG_OVERHEAD6, 1408 },
	{ 1492, MSS_WG_OVERHEAD4, 1424 },     { 1492, MSS_WG_OVERHEAD6, 1408 },
	{ 1392, MSS_WG_OVERHEAD4, 1328 },     { 1392, MSS_WG_OVERHEAD6, 1312 },
	{ 1480, MSS_WG_OVERHEAD4, 1408 },     { 1475, MSS_WG_OVERHEAD4, 1408 },
	{ 1476, MSS_WG_OVERHEAD4, 1416 - 8 }, { 576, MSS_WG_OVERHEAD4, 512 },
	{ 576, MSS_WG_OVERHEAD6, 496 },	      { 9000, MSS_WG_OVERHEAD4, 8928 },
	{ 65535, MSS_WG_OVERHEAD4, 65472 },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(wireguard) / sizeof(*wireguard); i++) {
		uint32_t got = mss_wireguard_mtu(wireguard[i].underlay, wireguard[i].overhead);

		CHECK(got == wireguard[i].inner, "%u less %u: %u", wireguard[i].underlay,
		      wireguard[i].overhead, got);
	}
	/* What it says fits: the padded packet and its overhead are no more than the MTU, and
	 * sixteen bytes more are. */
	for (uint32_t mtu = 576; mtu <= 9216; mtu++) {
		uint32_t got = mss_wireguard_mtu(mtu, MSS_WG_OVERHEAD6);

		CHECK(got % 16 == 0 && got + MSS_WG_OVERHEAD6 <= mtu &&
			  got + 16 + MSS_WG_OVERHEAD6 > mtu,
		      "%u: %u", mtu, got);
	}
	CHECK(mss_unknown_mtu(1420) == 1340, "%u", mss_unknown_mtu(1420));
	CHECK(mss_of_mtu(1340) == 1300, "%u", mss_of_mtu(1340));
	CHECK(mss_of_mtu(mss_unknown_mtu(576)) == 456, "the smallest tunnel");
	CHECK(mss_of_mtu(65535) == 65495, "%u", mss_of_mtu(65535));
	return t_failed;
}
