/* graph_text.c - the picture for programs that lay it out: Graphviz and Mermaid. */
#include <string.h>

#include "graph.h"

/* ---- dot ----------------------------------------------------------------------------------
 */

/* Inside double quotes: a backslash begins an escape, an ampersand an entity
 * (https://graphviz.org/docs/attr-types/escString/ and lblString). */
static void dot_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		if (*text == '&')
			fputs("&amp;", out);
		else
			fputc(*text, out);
	}
}

static void dot_look(FILE *out, enum graph_state state)
{
	const struct graph_style *s = &graph_styles[state];

	fprintf(out, "color=\"%s\", penwidth=%d", s->colour, s->width);
}

static void dot_box(FILE *out, enum graph_state state)
{
	dot_look(out, state);
	fprintf(out, ", style=\"filled,%s\", fillcolor=\"%s\"];\n", graph_styles[state].line,
		graph_styles[state].fill);
}

static void dot_node(FILE *out, const struct graph *g, size_t i)
{
	const struct graph_node *n = &g->nodes[i];

	fprintf(out, "    n%zu [label=\"", i + 1);
	dot_text(out, n->title);
	for (size_t k = 0; k < n->line_count; k++) {
		fputs("\\n", out);
		dot_text(out, n->lines[k]);
	}
	fputs("\", ", out);
	dot_box(out, n->state);
}

static void dot_legend(FILE *out, const struct graph *g)
{
	fputs("  subgraph cluster_legend {\n    label=\"Legend\";\n", out);
	for (size_t i = 0; i < g->note_count; i++) {
		fprintf(out, "    note%zu [shape=plaintext, label=\"", i + 1);
		dot_text(out, g->notes[i]);
		fputs("\"];\n", out);
	}
	for (size_t i = 0; i < GRAPH_STATES; i++)
		if (g->shows[i]) {
			fprintf(out, "    is_%s [label=\"", graph_styles[i].name);
			dot_text(out, graph_styles[i].words);
			fputs("\", ", out);
			dot_box(out, (enum graph_state)i);
		}
	fputs("  }\n", out);
}

void graph_dot(const struct graph *g, FILE *out)
{
	fputs("graph overlay {\n  label=\"", out);
	dot_text(out, g->title);
	fputs("\";\n  layout=fdp;\n  K=2;\n  sep=\"+30\";\n  overlap=false;\n"
	      "  splines=true;\n  bgcolor=white;\n  color=\"#9a9a9a\";\n"
	      "  fontname=\"sans-serif\";\n"
	      "  node [shape=box, fontname=\"sans-serif\", fontsize=11];\n",
	      out);
	for (size_t i = 0; i < g->site_count; i++) {
		const struct graph_site *s = &g->sites[i];

		fprintf(out, "  subgraph cluster_%zu {\n    label=\"", i + 1);
		dot_text(out, s->title);
		fputs("\";\n", out);
		for (size_t k = 0; k < s->count; k++)
			dot_node(out, g, s->first + k);
		fputs("  }\n", out);
	}
	for (size_t i = 0; i < g->tunnel_count; i++) {
		const struct graph_tunnel *t = &g->tunnels[i];

		fprintf(out, "  n%zu -- n%zu [", t->a + 1, t->b + 1);
		dot_look(out, t->state);
		fprintf(out, ", style=\"%s\"];\n", graph_styles[t->state].line);
	}
	dot_legend(out, g);
	fputs("}\n", out);
}

/* ---- mermaid ------------------------------------------------------------------------------
 */

/* Inside double quotes nearly everything means something to some part of Mermaid: entities (#),
 * directives (%%{), Markdown, HTML, statements (;). So all but what surely means nothing is
 * written as an entity of its own
 * (https://mermaid.js.org/syntax/flowchart.html#entity-codes-to-escape-characters).
 */
static void mermaid_text(FILE *out, const char *text)
{
	for (char last = '\0'; *text; last = *text++) {
		bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			     (*text >= '0' && *text <= '9') || strchr(" ,/:()", *text) ||
			     (*text & 0x80);
		bool inner = strchr(".-", *text) && text[1] != ' ' && last != *text;

		if (plain || inner)
			fputc(*text, out);
		else
			fprintf(out, "#%d;", *text);
	}
}

static void mermaid_node(FILE *out, const struct graph *g, size_t i)
{
	const struct graph_node *n = &g->nodes[i];

	fprintf(out, "    n%zu[\"", i + 1);
	mermaid_text(out, n->title);
	for (size_t k = 0; k < n->line_count; k++) {
		fputs("<br/>", out);
		mermaid_text(out, n->lines[k]);
	}
	fprintf(out, "\"]:::%s\n", graph_styles[n->state].name);
}

/* One line for all tunnels of a state: they are numbered as they were written. */
static void mermaid_links(FILE *out, const struct graph *g, enum graph_state state)
{
	const struct graph_style *s = &graph_styles[state];
	const char *before = "  linkStyle ";

	for (size_t i = 0; i < g->tunnel_count; i++)
		if (g->tunnels[i].state == state) {
			fprintf(out, "%s%zu", before, i);
			before = ",";
		}
	if (*before != ',')
		return;
	fprintf(out, " stroke:%s,stroke-width:%dpx", s->colour, s->width);
	if (s->dashes)
		fprintf(out, ",stroke-dasharray:%s", s->dashes);
	fputc('\n', out);
}

static void mermaid_legend(FILE *out, const struct graph *g)
{
	fputs("  subgraph legend[\"Legend\"]\n", out);
	for (size_t i = 0; i < g->note_count; i++) {
		fprintf(out, "    note%zu[\"", i + 1);
		mermaid_text(out, g->notes[i]);
		fputs("\"]:::unknown\n", out);
	}
	for (size_t i = 0; i < GRAPH_STATES; i++)
		if (g->shows[i]) {
			fprintf(out, "    is_%s[\"", graph_styles[i].name);
			mermaid_text(out, graph_styles[i].words);
			fprintf(out, "\"]:::%s\n", graph_styles[i].name);
		}
	fputs("  end\n", out);
}

void graph_mermaid(const struct graph *g, FILE *out)
{
	fprintf(out, "flowchart %s\n  %%%% ", g->node_count > 3 ? "TB" : "LR");
	mermaid_text(out, g->title);
	fputc('\n', out);
	for (size_t i = 0; i < g->site_count; i++) {
		const struct graph_site *s = &g->sites[i];

		fprintf(out, "  subgraph s%zu[\"", i + 1);
		mermaid_text(out, s->title);
		fputs("\"]\n", out);
		for (size_t k = 0; k < s->count; k++)
			mermaid_node(out, g, s->first + k);
		fputs("  end\n", out);
	}
	for (size_t i = 0; i < g->tunnel_count; i++)
		fprintf(out, "  n%zu --- n%zu\n", g->tunnels[i].a + 1, g->tunnels[i].b + 1);
	mermaid_legend(out, g);
	for (size_t i = 0; i < GRAPH_STATES; i++) {
		const struct graph_style *s = &graph_styles[i];

		mermaid_links(out, g, (enum graph_state)i);
		if (!g->shows[i] && i != GRAPH_UNKNOWN)
			continue;
		fprintf(out,
			"  classDef %s fill:%s,stroke:%s,stroke-width:%dpx,color:#1a1a1a%s%s\n",
			s->name, s->fill, s->colour, s->width,
			s->dashes ? ",stroke-dasharray:" : "", s->dashes ? s->dashes : "");
	}
}
