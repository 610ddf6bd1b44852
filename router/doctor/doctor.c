#include "doctor/doctor.h"

static void (*const areas[])(struct doctor *d) = {
	NULL, /* one line for each area's function, as it comes */
};

void doctor_add(struct doctor *d, const char *area, const char *name, enum check_status status,
		const char *remedy, const char *fmt, ...)
{
	struct check *c;
	va_list ap;

	d->checks = arena_grow(d->arena, d->checks, d->count, &d->room, sizeof(*d->checks));
	c = &d->checks[d->count++];
	*c = (struct check){ area, name, status, NULL, remedy };
	va_start(ap, fmt);
	c->detail = arena_vprintf(d->arena, fmt, ap);
	va_end(ap);
}

void doctor_examine(struct doctor *d)
{
	for (size_t i = 0; i < sizeof(areas) / sizeof(*areas); i++)
		if (areas[i])
			areas[i](d);
}
