/*
 * One TCP connection of the kernel with itself over loopback: MTU 1500, segments of 1460 bytes at most, no segmentation
 * offload, so that the kernel makes as many packets as the stack beside it. Prints bytes, CPU seconds (both ends, user and
 * system) and wall seconds. Run it in a network namespace of its own: it changes `lo`.
 */
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds(struct timeval t) { return t.tv_sec + t.tv_usec / 1e6; }

static double cpu(int who) {
  struct rusage usage;
  getrusage(who, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static void configure(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "lo");
  request.ifr_mtu = 1500;
  ioctl(fd, SIOCSIFMTU, &request);
  unsigned commands[] = {ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
  for (int i = 0; i < 3; i++) {
    struct ethtool_value value = {commands[i], 0};
    request.ifr_data = (char *)&value;
    ioctl(fd, SIOCETHTOOL, &request);
  }
  request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
  ioctl(fd, SIOCSIFFLAGS, &request);
  close(fd);
}

int main(int argc, char **argv) {
  long long total = argc > 1 ? atoll(argv[1]) : 400000000LL;
  configure();
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t length = sizeof address;
  int mss = 1460;
  setsockopt(listener, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss);
  if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1)) return perror("listen"), 1;
  getsockname(listener, (struct sockaddr *)&address, &length);
  static char chunk[65536];
  struct timeval start, end;
  gettimeofday(&start, NULL);
  if (fork() == 0) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss);
    if (connect(fd, (struct sockaddr *)&address, length)) return perror("connect"), 1;
    for (long long left = total; left > 0;) {
      ssize_t n = write(fd, chunk, left < (long long)sizeof chunk ? left : (long long)sizeof chunk);
      if (n <= 0) return perror("write"), 1;
      left -= n;
    }
    return 0;
  }
  int fd = accept(listener, NULL, NULL);
  long long received = 0;
  for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;) received += n;
  wait(NULL);
  gettimeofday(&end, NULL);
  printf("%lld %f %f\n", received, cpu(RUSAGE_SELF) + cpu(RUSAGE_CHILDREN), seconds(end) - seconds(start));
  return received == total ? 0 : 1;
}
