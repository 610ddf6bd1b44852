/* capture_shell.c - a plan as a script, for a person to read and then to run.
 *
 * Commands come from action_fill(), which lets no line end into them; all else is comments,
 * which are escaped. */
#include <string.h>

#include "base/out.h"
#include "capture.h"

static const char *text_at(const struct list *list, size_t i)
{
	return ((const char *const *)list->items)[i];
}

static void comment(FILE *out, const char *before, const char *text, const char *after)
{
	fputs(before, out);
	out_escape(out, text);
	fputs(after, out);
}

static void head(const struct capture_node *n, const struct capture_part *p, FILE *out)
{
	comment(out, "\n# ---- ", n->name, ": ");
	fputs(p->forms ? p->forms->name : "no provider is named", out);
	if (p->nic)
		comment(out, ", ", p->nic, "");
	if (p->link)
		comment(out, ", interface ", p->link, "");
	fputs(" ----\n", out);
	for (size_t i = 0; i < p->warnings.count; i++)
		comment(out, "# Warning: ", text_at(&p->warnings, i), "\n");
	for (size_t i = 0; p->forms && p->forms->permissions[i]; i++)
		comment(out, i ? "#   " : "# Permissions:\n#   ", p->forms->permissions[i],
			"\n");
	if (p->limit)
		comment(out, "# How many addresses a NIC may have: ", p->limit, "\n");
}

static void words(const struct capture_part *p, FILE *out)
{
	const struct capture_word *list = p->words.items;

	for (size_t i = 0; i < p->words.count; i++) {
		fprintf(out, "# %s: ", list[i].word);
		comment(out, "", list[i].find ? list[i].find : "nothing here tells it", "\n");
	}
	for (size_t i = 0; i < p->words.count; i++)
		if (list[i].needed)
			fprintf(out, ": \"${%s%s?is to be filled in: its comment has how}\"\n",
				list[i].word, list[i].may_be_empty ? "" : ":");
}

static void claims(const struct capture_part *p, enum capture_state state, const char *text,
		   FILE *out)
{
	for (size_t i = 0; i < p->claim_count; i++)
		if (p->claims[i].state == state)
			fprintf(out, "    # %s %s: RemoteAddressClaim/%s\n", text,
				p->claims[i].address, p->claims[i].claim->object.name);
}

static void step_comment(const struct capture_step *s, FILE *out)
{
	comment(out, "    # So that ", s->text, "");
	comment(out, " (", s->why, ").\n");
	if (s->note)
		comment(out, "    # Note: ", s->note, ".\n");
}

/* A function must have a command. */
static void end(size_t commands, FILE *out)
{
	fputs(commands ? "}\n" : "    :\n}\n", out);
}

static void look(const struct capture_part *p, FILE *out)
{
	const char *before = "";
	size_t n = 0;

	fprintf(out, "look_%u() {\n", p->number);
	for (size_t i = 0; i < p->step_count; i++) {
		const struct capture_step *s = &p->steps[i];

		comment(out, "    # Is it so that ", s->text, "?\n");
		if (!s->look || strcmp(s->look, before) == 0)
			continue;
		before = s->look;
		fprintf(out, "    %s\n", s->look);
		n++;
	}
	end(n, out);
}

static void provision(const struct capture_part *p, FILE *out)
{
	size_t n = 0;

	fprintf(out, "provision_%u() {\n", p->number);
	claims(p, CAPTURE_DONE, "✓", out);
	claims(p, CAPTURE_TODO, "·", out);
	claims(p, CAPTURE_UNSEEN, "?", out);
	for (size_t i = 0; i < p->step_count; i++) {
		const struct capture_step *s = &p->steps[i];

		step_comment(s, out);
		for (size_t k = 0; k < s->commands.count; k++)
			fprintf(out, "    %s\n", text_at(&s->commands, k));
		n += s->commands.count;
		if (s->state == CAPTURE_DONE)
			fputs("    # ✓ done already\n", out);
		else if (!s->commands.count)
			fputs("    # By hand: 'look' tells which rules these are.\n", out);
	}
	end(n, out);
}

static void undo(const struct capture_part *p, FILE *out)
{
	size_t n = 0;

	fprintf(out, "undo_%u() {\n", p->number);
	for (size_t i = p->step_count; i-- > 0;) {
		const struct capture_step *s = &p->steps[i];

		if (s->prior)
			comment(out, "    # Only if it was ", s->prior,
				" before, as 'look' told:\n");
		else if (s->undo.count)
			comment(out, "    # No longer shall it be so that ", s->text, ".\n");
		for (size_t k = 0; k < s->undo.count; k++)
			fprintf(out, "    %s%s\n", s->prior ? "# " : "", text_at(&s->undo, k));
		n += s->prior ? 0 : s->undo.count;
	}
	end(n, out);
}

static void each(const struct capture_plan *plan, FILE *out,
		 void (*print)(const struct capture_node *n, const struct capture_part *p,
			       FILE *out))
{
	for (size_t i = 0; i < plan->count; i++)
		for (size_t k = 0; k < plan->nodes[i].count; k++)
			print(&plan->nodes[i], &plan->nodes[i].parts[k], out);
}

static void part(const struct capture_node *n, const struct capture_part *p, FILE *out)
{
	head(n, p, out);
	words(p, out);
	look(p, out);
	provision(p, out);
	undo(p, out);
}

static void call(const struct capture_node *n, const struct capture_part *p, FILE *out)
{
	(void)n;
	fprintf(out, "    \"${1}_%u\"\n", p->number);
}

void capture_print_shell(const struct capture_plan *plan, FILE *out)
{
	fputs("#!/bin/sh\n"
	      "# What is to be done so that addresses are captured, as 'routerctl action-plan' "
	      "printed it;\n"
	      "# nothing of it was run. Read it, then run it where you are logged in to the "
	      "provider:\n"
	      "#\n"
	      "#    sh FILE look        how it is; keep what this says, undo goes back to it\n"
	      "#    sh FILE provision\n"
	      "#    sh FILE undo\n"
	      "set -eu\n",
	      out);
	each(plan, out, part);
	fputs("\ncase ${1-} in\nlook | provision | undo)\n", out);
	each(plan, out, call);
	fputs("    ;;\n"
	      "*)\n"
	      "    echo \"usage: sh $0 look|provision|undo\" >&2\n"
	      "    exit 2\n"
	      "    ;;\n"
	      "esac\n",
	      out);
}
