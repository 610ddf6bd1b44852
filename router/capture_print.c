/* capture_print.c - a plan for people, in Markdown, and for programs. */
#include <string.h>

#include "base/out.h"
#include "capture.h"

static const char *const states[] = {
	[CAPTURE_DONE] = "done",
	[CAPTURE_TODO] = "todo",
	[CAPTURE_UNSEEN] = "unseen",
};

static const char *const marks[] = {
	[CAPTURE_DONE] = "✓",
	[CAPTURE_TODO] = "·",
	[CAPTURE_UNSEEN] = "?",
};

static const char *text_at(const struct list *list, size_t i)
{
	return ((const char *const *)list->items)[i];
}

static const struct capture_word *word_at(const struct capture_part *p, size_t i)
{
	return &((const struct capture_word *)p->words.items)[i];
}

/* before, text, after, and no control character of a stranger's. */
static void line(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	out_escape(out, text);
	fputs(after, out);
}

static void lines(FILE *out, const char *before, const struct list *list, const char *after)
{
	for (size_t i = 0; i < list->count; i++)
		line(out, before, text_at(list, i), after);
}

static bool any_undo(const struct capture_part *p)
{
	for (size_t i = 0; i < p->step_count; i++)
		if (p->steps[i].undo.count)
			return true;
	return false;
}

/* ---- for people ------------------------------------------------------------------------- */

static void print_head(const struct capture_node *n, const struct capture_part *p, FILE *out)
{
	line(out, "", n->name, ": ");
	fputs(p->forms ? p->forms->name : "no provider is named", out);
	if (p->nic)
		line(out, ", ", p->nic, "");
	if (p->link)
		line(out, ", interface ", p->link, "");
	fputs("\n\n", out);
}

static void print_step(const struct capture_step *s, FILE *out)
{
	fprintf(out, "  %s ", marks[s->state]);
	line(out, "", s->text, ": ");
	line(out, "", s->why, "\n");
	if (s->look)
		line(out, "      look: ", s->look, "\n");
	lines(out, "      do:   ", &s->commands, "\n");
	if (s->note)
		line(out, "      ", s->note, "\n");
}

static void undo_lines(FILE *out, const char *before, const struct capture_step *s)
{
	for (size_t i = 0; i < s->undo.count; i++) {
		line(out, before, text_at(&s->undo, i), "");
		if (s->prior)
			line(out, "  # only if it was ", s->prior, " before");
		fputc('\n', out);
	}
}

static void print_undo(const struct capture_part *p, FILE *out)
{
	if (any_undo(p))
		fputs("\n  undo, to what was there before:\n", out);
	for (size_t i = p->step_count; i-- > 0;)
		undo_lines(out, "      ", &p->steps[i]);
}

static void print_words(const struct capture_part *p, FILE *out)
{
	if (p->words.count)
		fputs("\n  still to be filled in:\n", out);
	for (size_t i = 0; i < p->words.count; i++) {
		const struct capture_word *w = word_at(p, i);

		line(out, "      ", w->word, ": ");
		line(out, "", w->find ? w->find : "nothing here tells it", "\n");
	}
}

static void print_needs(const struct capture_part *p, FILE *out)
{
	fputs("\n  permissions:\n", out);
	for (size_t i = 0; p->forms->permissions[i]; i++)
		line(out, "      ", p->forms->permissions[i], "\n");
	if (p->limit)
		line(out, "\n  how many addresses a NIC may have: ", p->limit, "\n");
}

static void print_part(const struct capture_node *n, const struct capture_part *p, FILE *out)
{
	print_head(n, p, out);
	for (size_t i = 0; i < p->claim_count; i++) {
		fprintf(out, "  %s %s  ", marks[p->claims[i].state], p->claims[i].address);
		line(out, "RemoteAddressClaim/", p->claims[i].claim->object.name, "\n");
	}
	fputc('\n', out);
	lines(out, "  warning: ", &p->warnings, "\n");
	for (size_t i = 0; i < p->step_count; i++)
		print_step(&p->steps[i], out);
	print_undo(p, out);
	print_words(p, out);
	if (p->forms)
		print_needs(p, out);
}

static void print_text(const struct capture_plan *plan, FILE *out)
{
	bool first = true;

	for (size_t i = 0; i < plan->count; i++)
		for (size_t k = 0; k < plan->nodes[i].count; k++) {
			if (!first)
				fputc('\n', out);
			first = false;
			print_part(&plan->nodes[i], &plan->nodes[i].parts[k], out);
		}
	if (first)
		fputs("there is no RemoteAddressClaim, so there is nothing to do\n", out);
	else
		fputs("\n✓ done   · to do   ? cannot be seen from here: look\n", out);
}

/* ---- Markdown --------------------------------------------------------------------------- */

/* As it stands: nothing of it is markup. */
static void plain(FILE *out, const char *text)
{
	while (*text) {
		size_t n = out_hidden(text);
		char one[4] = "";

		memcpy(one, text, n && n < sizeof(one) ? n : 1);
		if (strchr("\\`*_[]<>&|#", *text))
			fputc('\\', out);
		out_escape(out, one);
		text += n ? n : 1;
	}
}

static void sentence(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	plain(out, text);
	fputs(after, out);
}

static void block(FILE *out, const char *title, const struct list *list)
{
	if (!list->count)
		return;
	fprintf(out, "\n%s\n\n```sh\n", title);
	lines(out, "", list, "\n");
	fputs("```\n", out);
}

static void block_of_one(FILE *out, const char *title, const char *command)
{
	struct list one = { &command, 1 };

	if (command)
		block(out, title, &one);
}

static void mark_step(const struct capture_step *s, FILE *out)
{
	fprintf(out, "\n### %s ", marks[s->state]);
	sentence(out, "", s->text, "\n\n");
	sentence(out, "", s->why, ".\n");
	if (s->note)
		sentence(out, "\nNote: ", s->note, ".\n");
	block_of_one(out, "Look:", s->look);
	block(out, "Do:", &s->commands);
	if (!s->undo.count)
		return;
	fputs("\nUndo:\n\n```sh\n", out);
	undo_lines(out, "", s);
	fputs("```\n", out);
}

static void mark_part(const struct capture_node *n, const struct capture_part *p, FILE *out)
{
	sentence(out, "\n## ", n->name, ": ");
	fputs(p->forms ? p->forms->name : "no provider is named", out);
	if (p->link)
		sentence(out, ", interface ", p->link, "");
	fputc('\n', out);
	if (p->nic)
		sentence(out, "\nNIC ", p->nic, "\n");
	fputs("\n| | Address | Claim |\n|---|---|---|\n", out);
	for (size_t i = 0; i < p->claim_count; i++) {
		fprintf(out, "| %s | %s | ", marks[p->claims[i].state], p->claims[i].address);
		sentence(out, "RemoteAddressClaim/", p->claims[i].claim->object.name, " |\n");
	}
	for (size_t i = 0; i < p->warnings.count; i++)
		sentence(out, "\n**Warning**: ", text_at(&p->warnings, i), ".\n");
	for (size_t i = 0; i < p->step_count; i++)
		mark_step(&p->steps[i], out);
	if (p->words.count)
		fputs("\n### Still to be filled in\n", out);
	for (size_t i = 0; i < p->words.count; i++)
		block_of_one(out, word_at(p, i)->word, word_at(p, i)->find);
	if (!p->forms)
		return;
	fputs("\n### Permissions\n\n", out);
	for (size_t i = 0; p->forms->permissions[i]; i++)
		sentence(out, "- ", p->forms->permissions[i], "\n");
	block_of_one(out, "How many addresses a NIC may have:", p->limit);
}

static void print_markdown(const struct capture_plan *plan, FILE *out)
{
	fputs(
	    "# What is to be done so that addresses are captured\n\n✓ done, · to do, ? cannot "
	    "be seen from here: look. Nothing of this was run.\n",
	    out);
	for (size_t i = 0; i < plan->count; i++)
		for (size_t k = 0; k < plan->nodes[i].count; k++)
			mark_part(&plan->nodes[i], &plan->nodes[i].parts[k], out);
}

/* ---- for programs ----------------------------------------------------------------------- */

static void out_texts(struct out *o, const char *key, const struct list *list)
{
	out_list(o, key);
	for (size_t i = 0; i < list->count; i++)
		out_text(o, NULL, text_at(list, i));
	out_end(o);
}

static void out_claims(struct out *o, const struct capture_part *p)
{
	out_list(o, "claims");
	for (size_t i = 0; i < p->claim_count; i++) {
		out_map(o, NULL);
		out_text(o, "name", p->claims[i].claim->object.name);
		out_text(o, "address", p->claims[i].address);
		out_text(o, "state", states[p->claims[i].state]);
		out_end(o);
	}
	out_end(o);
}

static void out_steps(struct out *o, const struct capture_part *p)
{
	out_list(o, "steps");
	for (size_t i = 0; i < p->step_count; i++) {
		const struct capture_step *s = &p->steps[i];

		out_map(o, NULL);
		out_text(o, "name", s->name);
		out_text(o, "state", states[s->state]);
		out_text(o, "text", s->text);
		out_text(o, "why", s->why);
		out_text(o, "note", s->note);
		out_text(o, "look", s->look);
		out_texts(o, "commands", &s->commands);
		out_texts(o, "undo", &s->undo);
		out_text(o, "undoOnlyIfItWas", s->prior);
		out_end(o);
	}
	out_end(o);
}

static void out_words(struct out *o, const struct capture_part *p)
{
	out_list(o, "toBeFilledIn");
	for (size_t i = 0; i < p->words.count; i++) {
		out_map(o, NULL);
		out_text(o, "word", word_at(p, i)->word);
		out_text(o, "find", word_at(p, i)->find);
		out_end(o);
	}
	out_end(o);
}

static void out_part(struct out *o, const struct capture_part *p)
{
	out_map(o, NULL);
	out_text(o, "provider", p->forms ? p->forms->provider : NULL);
	out_text(o, "nicRef", p->nic);
	out_text(o, "interface", p->link);
	out_claims(o, p);
	out_steps(o, p);
	out_words(o, p);
	out_texts(o, "warnings", &p->warnings);
	out_list(o, "permissions");
	for (size_t i = 0; p->forms && p->forms->permissions[i]; i++)
		out_text(o, NULL, p->forms->permissions[i]);
	out_end(o);
	out_text(o, "limit", p->limit);
	out_end(o);
}

static void print_data(const struct capture_plan *plan, enum out_format format, FILE *out)
{
	struct out o;

	out_open(&o, out, format);
	out_list(&o, "nodes");
	for (size_t i = 0; i < plan->count; i++) {
		out_map(&o, NULL);
		out_text(&o, "name", plan->nodes[i].name);
		out_list(&o, "nics");
		for (size_t k = 0; k < plan->nodes[i].count; k++)
			out_part(&o, &plan->nodes[i].parts[k]);
		out_end(&o);
		out_end(&o);
	}
	out_end(&o);
	out_close(&o);
}

void capture_print(const struct capture_plan *plan, enum capture_format format, FILE *out)
{
	switch (format) {
	case CAPTURE_TEXT:
		print_text(plan, out);
		break;
	case CAPTURE_MARKDOWN:
		print_markdown(plan, out);
		break;
	case CAPTURE_SHELL:
		capture_print_shell(plan, out);
		break;
	case CAPTURE_JSON:
	case CAPTURE_YAML:
		print_data(plan, format == CAPTURE_JSON ? OUT_JSON : OUT_YAML, out);
		break;
	}
}
