#include "varlink.h"

#include <string.h>

static const char own_description[] =
    "# The Varlink Service Interface is provided by every varlink service.\n"
    "interface org.varlink.service\n\n"
    "method GetInfo() -> (\n"
    "  vendor: string,\n  product: string,\n  version: string,\n  url: string,\n"
    "  interfaces: []string\n)\n\n"
    "method GetInterfaceDescription(interface: string) -> (description: string)\n\n"
    "error InterfaceNotFound (interface: string)\n"
    "error MethodNotFound (method: string)\n"
    "error MethodNotImplemented (method: string)\n"
    "error InvalidParameter (parameter: string)\n"
    "error PermissionDenied ()\n"
    "error ExpectedMore ()\n";

bool varlink_parse(struct arena *a, const char *bytes, size_t len, struct varlink_call *ret)
{
	struct diag d = { .arena = a };
	const struct node *list = node_parse(a, "call", bytes, len, &d), *n = list->child;

	if (d.errors || !n || n->next || n->type != NODE_MAP || !node_text(n, "method"))
		return false;
	*ret = (struct varlink_call){ .method = node_text(n, "method"),
				      .parameters = node_get(n, "parameters"),
				      .more = node_is_true(node_get(n, "more")),
				      .oneway = node_is_true(node_get(n, "oneway")) };
	return !ret->parameters || ret->parameters->type == NODE_MAP ||
	       node_is_null(ret->parameters);
}

void varlink_begin(struct varlink_reply *r)
{
	out_open(&r->out, stream_open(&r->text), OUT_JSON);
	out_map(&r->out, "parameters");
}

void varlink_end(struct varlink_reply *r, const char *error, bool continues)
{
	out_end(&r->out);
	out_text(&r->out, "error", error);
	if (continues)
		out_bool(&r->out, "continues", true);
	out_close(&r->out);
	fputc('\0', r->text.file);
	stream_text(&r->text);
}

void varlink_done(struct varlink_reply *r)
{
	stream_done(&r->text);
}

static const char *get_info(const char *interface, struct out *o)
{
	out_text(o, "vendor", "routerd");
	out_text(o, "product", "routerd");
	out_text(o, "version", VERSION);
	out_text(o, "url", "");
	out_list(o, "interfaces");
	out_text(o, NULL, VARLINK_SERVICE);
	out_text(o, NULL, interface);
	out_end(o);
	return NULL;
}

static const char *get_description(const struct node *parameters, const char *interface,
				   const char *description, struct out *o)
{
	const char *name = parameters ? node_text(parameters, "interface") : NULL;

	if (!name) {
		out_text(o, "parameter", "interface");
		return VARLINK_BAD;
	}
	if (strcmp(name, interface) != 0 && strcmp(name, VARLINK_SERVICE) != 0) {
		out_text(o, "interface", name);
		return VARLINK_SERVICE ".InterfaceNotFound";
	}
	out_text(o, "description",
		 strcmp(name, interface) == 0 ? description : own_description);
	return NULL;
}

bool varlink_service(const struct varlink_call *call, const char *interface,
		     const char *description, struct out *o, const char **error)
{
	if (strcmp(call->method, VARLINK_SERVICE ".GetInfo") == 0)
		*error = get_info(interface, o);
	else if (strcmp(call->method, VARLINK_SERVICE ".GetInterfaceDescription") == 0)
		*error = get_description(call->parameters, interface, description, o);
	else
		return false;
	return true;
}

static bool is_of(const char *method, const char *interface)
{
	const char *dot = strrchr(method, '.');
	size_t n = dot ? (size_t)(dot - method) : 0;

	return n == strlen(interface) && strncmp(method, interface, n) == 0;
}

const char *varlink_not_found(const char *method, const char *interface, struct out *o)
{
	bool known = is_of(method, interface) || is_of(method, VARLINK_SERVICE);

	out_text(o, known ? "method" : "interface", method);
	return known ? VARLINK_SERVICE ".MethodNotFound" : VARLINK_SERVICE ".InterfaceNotFound";
}
