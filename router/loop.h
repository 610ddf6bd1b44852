/* loop.h - waits for descriptors and timers, and calls who asked.
 *
 * One epoll; a timer is a timerfd, so that loop_fd() alone tells whether there is something
 * to do: what must block elsewhere polls it and calls loop_turn(). A source is the caller's
 * memory and must stay until loop_remove(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct source {
	int fd; /* -1: not in the loop */
	void (*ready)(void *arg, uint32_t events);
	void *arg;
};

struct loop {
	int fd;
	bool ended;
};

int loop_open(struct loop *l); /* 0 or a negative errno */
void loop_close(struct loop *l);
int loop_add(struct loop *l, struct source *s, uint32_t events); /* EPOLLIN ... */
void loop_events(struct loop *l, struct source *s, uint32_t events);
void loop_pause(struct loop *l, struct source *s);  /* until it is added again */
void loop_remove(struct loop *l, struct source *s); /* closes its descriptor */
/* Calls whoever is ready; waits for it at most so many milliseconds, -1: without end. */
void loop_turn(struct loop *l, int ms);

/* ready() is called once, after so many milliseconds (0: at the next turn). */
int timer_add(struct loop *l, struct source *s);
void timer_start(struct source *s, int64_t ms);
void timer_stop(struct source *s);
int64_t now_us(void); /* CLOCK_MONOTONIC */
int64_t now_ms(void); /* CLOCK_BOOTTIME: goes on while the machine sleeps */
