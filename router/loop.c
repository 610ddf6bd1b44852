#include "loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int loop_open(struct loop *l)
{
	*l = (struct loop){ .fd = epoll_create1(EPOLL_CLOEXEC) };
	return l->fd < 0 ? -errno : 0;
}

void loop_close(struct loop *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

int loop_add(struct loop *l, struct source *s, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	return epoll_ctl(l->fd, EPOLL_CTL_ADD, s->fd, &e) < 0 ? -errno : 0;
}

void loop_events(struct loop *l, struct source *s, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = s };

	(void)epoll_ctl(l->fd, EPOLL_CTL_MOD, s->fd, &e); /* fails only for what is not in it */
}

void loop_pause(struct loop *l, struct source *s)
{
	(void)epoll_ctl(l->fd, EPOLL_CTL_DEL, s->fd, NULL); /* or it was not in it */
}

void loop_remove(struct loop *l, struct source *s)
{
	if (s->fd < 0)
		return;
	loop_pause(l, s);
	close(s->fd);
	s->fd = -1;
}

/* One at a time: what is called may remove any other source. */
void loop_turn(struct loop *l, int ms)
{
	struct epoll_event e;

	if (epoll_wait(l->fd, &e, 1, ms) == 1) {
		struct source *s = e.data.ptr;

		s->ready(s->arg, e.events);
	}
}

/* ---- timers ----------------------------------------------------------------------------- */

int timer_add(struct loop *l, struct source *s)
{
	s->fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	return s->fd < 0 ? -errno : loop_add(l, s, EPOLLIN);
}

void timer_start(struct source *s, int64_t ms)
{
	struct itimerspec t = { .it_value = { .tv_sec = ms / 1000,
					      .tv_nsec = ms % 1000 * 1000000 } };

	if (ms <= 0)
		t.it_value.tv_nsec = 1;
	(void)timerfd_settime(s->fd, 0, &t, NULL); /* fails only for a wrong descriptor */
}

void timer_stop(struct source *s)
{
	struct itimerspec t = { 0 };

	(void)timerfd_settime(s->fd, 0, &t, NULL);
}

int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
