/* graph_svg.c - the picture as SVG, laid out here: the sites stand around an ellipse that holds
 * the tunnels, each on its outside, so that no tunnel runs through a site which is not its own;
 * where sites have three nodes and more, one may still pass behind a corner of the next site.
 *
 * Lengths are pixels; y goes down. Text is given more room than common fonts take
 * (graph_width()), as none can be asked. */
#include <stdlib.h>

#include "graph.h"

#define FONT	 13
#define TITLE	 15 /* the font of a node's name and a site's */
#define LEADING	 18 /* from one line to the next */
#define PAD	 12 /* within boxes */
#define GAP	 28 /* between sites */
#define MARGIN	 20
#define SAMPLE	 48  /* of a line, in the legend */
#define TUNNEL	 180 /* between two sites, at least */
#define DRAWN_IN 0.8 /* towards the middle, so that tunnels bend away from the next site */
#define GROWTH	 1.04
#define GROWTHS	 400 /* more than any layout takes */
#define BACKDROP "#ffffff"
#define INK	 "#1a1a1a"

struct point {
	double x, y;
};

struct box {
	double x, y, w, h;
};

struct layout {
	const struct graph *g;
	struct box *sites, *nodes;
	struct point *ports; /* of sites: where their tunnels bundle */
	struct point *ends;  /* of nodes: where their tunnels begin */
	struct box legend, all;
};

static double larger(double a, double b)
{
	return a > b ? a : b;
}

static double smaller(double a, double b)
{
	return a < b ? a : b;
}

static double text_width(const char *text, int font)
{
	return graph_width(text) * font / 100.0;
}

/* ---- sizes --------------------------------------------------------------------------------
 */

static void size_node(const struct graph_node *n, struct box *b)
{
	b->w = text_width(n->title, TITLE);
	for (size_t i = 0; i < n->line_count; i++)
		b->w = larger(b->w, text_width(n->lines[i], FONT));
	b->w += 2 * PAD;
	b->h = LEADING * (double)(n->line_count + 1) + PAD;
}

/* The nodes of a site stand beside each other where it has its tunnels above or below it. */
static void size_site(struct layout *l, size_t i, bool row)
{
	const struct graph_site *s = &l->g->sites[i];
	struct box *site = &l->sites[i];
	double w = 0, h = 0;

	for (size_t k = s->first; k < s->first + s->count; k++) {
		w = row ? w + l->nodes[k].w + PAD : larger(w, l->nodes[k].w + PAD);
		h = row ? larger(h, l->nodes[k].h + PAD) : h + l->nodes[k].h + PAD;
	}
	site->w = larger(w + PAD, text_width(s->title, TITLE) + 2 * PAD);
	site->h = h + PAD + LEADING;
}

/* ---- the ellipse --------------------------------------------------------------------------
 */

/* Of an angle in degrees, to 0.002 (Bhaskara I): this is no place for a library. */
static double sine(double degrees)
{
	while (degrees < 0)
		degrees += 360;
	while (degrees >= 360)
		degrees -= 360;
	if (degrees > 180)
		return -sine(degrees - 180);
	return 4 * degrees * (180 - degrees) / (40500 - degrees * (180 - degrees));
}

/* The first is on top; of two, on the left. */
static struct point direction(const struct layout *l, size_t i)
{
	double n = (double)l->g->site_count;
	double degrees = (n > 2 ? 270 : 180) + 360 * (double)i / n;

	return (struct point){ sine(degrees + 90), sine(degrees) };
}

static double clamp(double v)
{
	return v < -1 ? -1 : v > 1 ? 1 : v;
}

/* Which side of a site its tunnels come from: -1 to 1 each way, from its middle. */
static struct point inside(struct point d)
{
	return (struct point){ -clamp(2 * d.x), -clamp(2 * d.y) };
}

static bool is_row(struct point d)
{
	return d.x > -0.25 && d.x < 0.25;
}

static void place(struct layout *l, double rx, double ry)
{
	for (size_t i = 0; i < l->g->site_count; i++) {
		struct point d = direction(l, i), in = inside(d);
		struct box *s = &l->sites[i];

		l->ports[i] = (struct point){ rx * d.x, ry * d.y };
		s->x = l->ports[i].x - s->w / 2 - in.x * s->w / 2;
		s->y = l->ports[i].y - s->h / 2 - in.y * s->h / 2;
	}
}

static bool collide(const struct box *a, const struct box *b)
{
	return a->x < b->x + b->w + GAP && b->x < a->x + a->w + GAP &&
	       a->y < b->y + b->h + GAP && b->y < a->y + a->h + GAP;
}

static bool crowded(const struct layout *l)
{
	for (size_t i = 0; i < l->g->site_count; i++)
		for (size_t k = 0; k < i; k++)
			if (collide(&l->sites[i], &l->sites[k]))
				return true;
	return false;
}

/* As small as it may be: the ellipse grows until there is room for all around it. */
static void arrange(struct layout *l)
{
	double rx = l->g->site_count > 1 ? TUNNEL / 2.0 : 0, ry = rx;

	for (size_t i = 0; i < l->g->site_count; i++)
		size_site(l, i, is_row(direction(l, i)));
	if (l->g->site_count > 2)
		rx = TUNNEL;
	place(l, rx, ry);
	for (int i = 0; i < GROWTHS && crowded(l); i++) {
		rx *= GROWTH;
		ry *= GROWTH;
		place(l, rx, ry);
	}
}

/* A site's title is on its outside, its tunnels are on its inside. */
static void settle_nodes(struct layout *l, size_t i)
{
	const struct graph_site *s = &l->g->sites[i];
	const struct box *site = &l->sites[i];
	struct point d = direction(l, i), in = inside(d);
	bool row = is_row(d);
	double x = site->x + PAD, y = site->y + PAD + (d.y > 0.1 ? 0 : LEADING);

	for (size_t k = s->first; k < s->first + s->count; k++) {
		struct box *n = &l->nodes[k];

		n->x = x;
		n->y = y;
		if (row) {
			n->h = site->h - 2 * PAD - LEADING;
			x += n->w + PAD;
		} else {
			n->w = site->w - 2 * PAD;
			y += n->h + PAD;
		}
		if (s->count > 1) /* of several, each has the side to itself */
			in = row ? (struct point){ 0, d.y < 0 ? 1 : -1 }
				 : (struct point){ d.x < 0 ? 1 : -1, 0 };
		l->ends[k] = (struct point){ n->x + n->w / 2 + in.x * n->w / 2,
					     n->y + n->h / 2 + in.y * n->h / 2 };
	}
	l->ports[i].x *= DRAWN_IN;
	l->ports[i].y *= DRAWN_IN;
	if (s->count == 1)
		l->ports[i] = l->ends[s->first]; /* so that its tunnels are straight */
}

/* ---- the whole ----------------------------------------------------------------------------
 */

static size_t legend_rows(const struct graph *g)
{
	size_t n = g->note_count;

	for (size_t i = 0; i < GRAPH_STATES; i++)
		n += g->shows[i];
	return n;
}

static void size_legend(struct layout *l)
{
	const struct graph *g = l->g;
	double w = 0;

	for (size_t i = 0; i < g->note_count; i++)
		w = larger(w, text_width(g->notes[i], FONT));
	for (size_t i = 0; i < GRAPH_STATES; i++)
		if (g->shows[i])
			w = larger(w, SAMPLE + PAD + text_width(graph_styles[i].words, FONT));
	l->legend.w = w + 2 * PAD;
	l->legend.h = LEADING * (double)legend_rows(g) + PAD;
}

/* The title above, the legend below, and a margin around all. */
static void frame(struct layout *l)
{
	double left = 0, right = 0, top = 0, bottom = 0, need;

	for (size_t i = 0; i < l->g->site_count; i++) {
		const struct box *s = &l->sites[i];

		left = i ? smaller(left, s->x) : s->x;
		right = i ? larger(right, s->x + s->w) : s->x + s->w;
		top = i ? smaller(top, s->y) : s->y;
		bottom = i ? larger(bottom, s->y + s->h) : s->y + s->h;
	}
	need = larger(l->legend.w, text_width(l->g->title, TITLE)) - (right - left);
	if (need > 0) {
		left -= need / 2;
		right += need / 2;
	}
	l->legend.x = left;
	l->legend.y = bottom + GAP;
	l->all = (struct box){ left - MARGIN, top - GAP - LEADING - MARGIN,
			       right - left + 2 * MARGIN,
			       bottom - top + 2 * GAP + l->legend.h + LEADING + 2 * MARGIN };
}

static void lay_out(struct layout *l)
{
	const struct graph *g = l->g;

	l->sites = arena_alloc(g->arena, (g->site_count + 1) * sizeof(*l->sites));
	l->nodes = arena_alloc(g->arena, (g->node_count + 1) * sizeof(*l->nodes));
	l->ports = arena_alloc(g->arena, (g->site_count + 1) * sizeof(*l->ports));
	l->ends = arena_alloc(g->arena, (g->node_count + 1) * sizeof(*l->ends));
	for (size_t i = 0; i < g->node_count; i++)
		size_node(&g->nodes[i], &l->nodes[i]);
	arrange(l);
	for (size_t i = 0; i < g->site_count; i++)
		settle_nodes(l, i);
	size_legend(l);
	frame(l);
}

/* ---- SVG ----------------------------------------------------------------------------------
 */

static void svg_text(FILE *out, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*text, out);
		}
}

static void svg_line_of_text(FILE *out, double x, double y, const char *look, const char *text)
{
	fprintf(out, "<text x=\"%.0f\" y=\"%.0f\"%s>", x, y, look);
	svg_text(out, text);
	fputs("</text>\n", out);
}

static void svg_look(FILE *out, enum graph_state state)
{
	const struct graph_style *s = &graph_styles[state];

	fprintf(out, " stroke=\"%s\" stroke-width=\"%d\"", s->colour, s->width);
	if (s->dashes)
		fprintf(out, " stroke-dasharray=\"%s\"", s->dashes);
}

static void svg_box(FILE *out, const char *class, const struct box *b)
{
	fprintf(out, "<rect class=\"%s\" x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\"",
		class, b->x, b->y, b->w, b->h);
}

#define BIG " font-size=\"15\" font-weight=\"bold\""

static void svg_node(FILE *out, const struct layout *l, size_t i)
{
	const struct graph_node *n = &l->g->nodes[i];
	const struct box *b = &l->nodes[i];

	svg_box(out, "node", b);
	fprintf(out, " rx=\"4\" fill=\"%s\"", graph_styles[n->state].fill);
	svg_look(out, n->state);
	fputs("/>\n", out);
	svg_line_of_text(out, b->x + PAD, b->y + LEADING, BIG, n->title);
	for (size_t k = 0; k < n->line_count; k++)
		svg_line_of_text(out, b->x + PAD, b->y + LEADING * (double)(k + 2), "",
				 n->lines[k]);
}

static void svg_site(FILE *out, const struct layout *l, size_t i)
{
	const struct graph_site *s = &l->g->sites[i];
	const struct box *b = &l->sites[i];
	bool below = direction(l, i).y > 0.1;

	svg_box(out, "site", b);
	fputs(" rx=\"8\" fill=\"none\" stroke=\"#9a9a9a\"/>\n", out);
	svg_line_of_text(out, b->x + PAD, below ? b->y + b->h - PAD + 2 : b->y + LEADING + 2,
			 BIG, s->title);
}

static size_t site_of(const struct graph *g, size_t node)
{
	size_t i = 0;

	while (node >= g->sites[i].first + g->sites[i].count)
		i++;
	return i;
}

/* From a node to its site's port, across, and in again. */
static void svg_tunnel(FILE *out, const struct layout *l, const struct graph_tunnel *t)
{
	struct point from = l->ends[t->a], to = l->ends[t->b];
	struct point out_by = l->ports[site_of(l->g, t->a)];
	struct point in_by = l->ports[site_of(l->g, t->b)];

	fprintf(out, "<path d=\"M%.0f %.0fC%.0f %.0f %.0f %.0f %.0f %.0f\" fill=\"none\"",
		from.x, from.y, out_by.x, out_by.y, in_by.x, in_by.y, to.x, to.y);
	svg_look(out, t->state);
	fputs("/>\n", out);
}

static void svg_legend(FILE *out, const struct layout *l)
{
	const struct graph *g = l->g;
	double x = l->legend.x + PAD, y = l->legend.y + LEADING;

	svg_box(out, "legend", &l->legend);
	fputs(" rx=\"4\" fill=\"none\" stroke=\"#9a9a9a\"/>\n", out);
	for (size_t i = 0; i < g->note_count; i++, y += LEADING)
		svg_line_of_text(out, x, y, "", g->notes[i]);
	for (size_t i = 0; i < GRAPH_STATES; i++) {
		if (!g->shows[i])
			continue;
		fprintf(out, "<path d=\"M%.0f %.0fh%d\" fill=\"none\"", x, y - 4, SAMPLE);
		svg_look(out, (enum graph_state)i);
		fputs("/>\n", out);
		svg_line_of_text(out, x + SAMPLE + PAD, y, "", graph_styles[i].words);
		y += LEADING;
	}
}

void graph_svg(const struct graph *g, FILE *out)
{
	struct layout l = { .g = g };

	lay_out(&l);
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"%.0f %.0f %.0f %.0f\""
		" role=\"img\" aria-labelledby=\"title desc\" font-family=\"sans-serif\""
		" font-size=\"%d\" fill=\"" INK "\">\n<title id=\"title\">",
		l.all.x, l.all.y, l.all.w, l.all.h, FONT);
	svg_text(out, g->title);
	fputs("</title>\n<desc id=\"desc\">The routers of the overlay by site, the tunnels "
	      "between "
	      "them, the addresses that each owns and captures, and their state.</desc>\n",
	      out);
	svg_box(out, "back", &l.all);
	fputs(" fill=\"" BACKDROP "\"/>\n", out);
	svg_line_of_text(out, l.all.x + MARGIN, l.all.y + MARGIN + LEADING, BIG, g->title);
	for (size_t i = 0; i < g->tunnel_count; i++)
		if (g->tunnels[i].state == GRAPH_UNKNOWN)
			svg_tunnel(out, &l, &g->tunnels[i]);
	for (size_t i = 0; i < g->tunnel_count; i++) /* what is known lies above */
		if (g->tunnels[i].state != GRAPH_UNKNOWN)
			svg_tunnel(out, &l, &g->tunnels[i]);
	for (size_t i = 0; i < g->site_count; i++)
		svg_site(out, &l, i);
	for (size_t i = 0; i < g->node_count; i++)
		svg_node(out, &l, i);
	svg_legend(out, &l);
	fputs("</svg>\n", out);
}
