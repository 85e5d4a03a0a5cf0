// The whole of `coordinator run clip.mp4 -p 'gray | canny' -o none` as one C++ program: OpenCV decodes in the main thread, N
// threads do gray and canny, and the frames come out in no order. It prints how many. `make bench-endtoend` compares the two.
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: endtoend VIDEO THREADS\n");
    return 2;
  }
  cv::setNumThreads(1);
  cv::VideoCapture video(argv[1]);
  if (!video.isOpened()) return 1;
  const size_t threads = std::atoi(argv[2]), most = 2 * threads + 2;
  std::deque<cv::Mat> todo;
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false;
  long frames = 0, edges = 0;
  std::vector<std::thread> pool;
  for (size_t i = 0; i < threads; i++)
    pool.emplace_back([&] {
      cv::Mat gray, out;
      for (;;) {
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [&] { return ended || !todo.empty(); });
        if (todo.empty()) return;
        cv::Mat frame = todo.front();
        todo.pop_front();
        lock.unlock();
        changed.notify_all();
        cv::cvtColor(frame, gray, cv::COLOR_BGR2GRAY);
        cv::Canny(gray, out, 50, 150);
        lock.lock();
        frames++, edges += out.at<unsigned char>(0, 0);
      }
    });
  for (cv::Mat frame; video.read(frame); frame = cv::Mat()) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait(lock, [&] { return todo.size() < most; });
    todo.push_back(frame);
    changed.notify_all();
  }
  {
    std::lock_guard<std::mutex> lock(mutex);
    ended = true;
  }
  changed.notify_all();
  for (auto &t : pool) t.join();
  std::printf("{\"frames\": %ld}\n", frames);
}
