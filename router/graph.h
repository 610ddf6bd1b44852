/* graph.h - the overlay as a picture: sites, nodes, tunnels, and which address lives where.
 *
 * graph_collect() makes a small model of a checked configuration, with every text in it fit to
 * be shown; a writer for each form puts it into words of that form, which escapes the rest.
 * The model lives in the configuration's arena. Of what the other nodes see nothing is known,
 * and the picture says so. */
#pragma once

#include <stdio.h>

#include "config/config.h"

#define GRAPH_NODES   400 /* at most; more make no picture */
#define GRAPH_TUNNELS 300 /* of the others with each other: more are told, not drawn */
#define GRAPH_COLUMNS 60  /* of one line of text */

/* The greater one shows where there are several. */
enum graph_state {
	GRAPH_UNKNOWN,
	GRAPH_GOOD,
	GRAPH_WAITING,
	GRAPH_SILENT,
	GRAPH_FAILED,
	GRAPH_STATES,
};

/* How each is told from the others: by its colour (Okabe and Ito's, which the colour-blind can
 * tell), by the form of its line, and by what the legend calls it. */
struct graph_style {
	const char *colour, *fill;
	const char *dashes; /* of SVG's stroke-dasharray; NULL: a whole line */
	const char *line;   /* dot's style */
	int width;	    /* pixels */
	const char *name;   /* one word */
	const char *words;
};

extern const struct graph_style graph_styles[GRAPH_STATES];

struct graph_node {
	const char *title;
	const char **lines;
	size_t line_count;
	enum graph_state state;
};

struct graph_site {
	const char *title;
	size_t first, count; /* of its nodes */
};

struct graph_tunnel {
	size_t a, b; /* nodes, a < b */
	enum graph_state state;
};

struct graph {
	struct arena *arena;
	const char *title;
	struct graph_site *sites;
	size_t site_count;
	struct graph_node *nodes; /* by site */
	size_t node_count;
	struct graph_tunnel *tunnels;
	size_t tunnel_count;
	const char **notes; /* for the legend */
	size_t note_count;
	bool shows[GRAPH_STATES]; /* some node or tunnel is so */
};

/* self: read as this node; NULL: as none of them, so only what was written once is drawn.
 * live: the objects as the daemon describes them; NULL: nothing is known. -E2BIG: more than
 * GRAPH_NODES. */
int graph_collect(struct config *c, const char *self, const struct node *live,
		  struct graph *ret);

/* ---- graph_label.c: text that is fit to be shown ---- */

/* A stranger's text: what would not show, or steer what shows it, as \xNN or \uNNNN; cut at
 * GRAPH_COLUMNS. */
const char *graph_label(struct arena *a, const char *text);
/* The code point at *text, and *text after it; -1: it is no UTF-8, and one byte was passed. */
int graph_decode(const char **text);
/* How wide it is set, in hundredths of an em: more than any common sans-serif font takes. */
unsigned graph_width(const char *text);

/* A list of IPv4 hosts that was shortened: "10.77.60.7, .9 to .30 and 48 more". */
#define GRAPH_SPANS 4
struct graph_spans {
	struct graph_span {
		uint32_t first, last;
	} spans[GRAPH_SPANS];
	size_t count;
	bool more; /* than there is room for */
};

/* In ascending order. False: there is no room for this one, nor for any after it. */
bool graph_spans_add(struct graph_spans *s, const struct addr *a);
/* total: how many there are in all. "" when there is none. */
const char *graph_spans_text(struct arena *a, const struct graph_spans *s, size_t total);

/* ---- the forms ---- */

void graph_dot(const struct graph *g, FILE *out);
void graph_mermaid(const struct graph *g, FILE *out);
void graph_svg(const struct graph *g, FILE *out);
