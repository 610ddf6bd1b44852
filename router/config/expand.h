/* expand.h - what was written once for all nodes, as the explicit objects of this one.
 *
 *	IPv4StaticAddress/LINK			its overlay address
 *	WireGuardInterface/wg-hybrid		where no other has the set in its peersFrom
 *	WireGuardPeer, OverlayPeer, IPv4Route/NODE	each node of another site
 *	AddressMobilityDomain/POOL		each pool that it is a member of
 *	CloudProviderProfile/SITE		where a cloud site is called as its provider
 *	RemoteAddressClaim/ADDRESS		each address that another member owns
 *
 * An object of the same kind and name that was written stands in the place of the expanded one;
 * as the file may be every node's, it is passed over by the nodes of the site that it is about.
 * There is one path after that: nobody sees which it was, but for object.from. */
#pragma once

#include "config/fabric.h"

#define EXPAND_LINK	 "wg-hybrid"
#define EXPAND_KEY_FILE	 "/etc/routerd/keys/wg-hybrid.key"
#define EXPAND_KEEPALIVE 25 /* s; where one end of a tunnel cannot be dialled */

/* c is indexed; the new objects are not. False: there is a fault, and nothing was expanded. */
bool config_expand(struct config *c, struct diag *d);
