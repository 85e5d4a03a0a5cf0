//go:build opencv

package cv

var photoAgreements = []agreement{
	{"fast_nl_means_denoising searchWindowSize=9", "cv2.fastNlMeansDenoising(img, None, 3, 7, 9)", nil, "colour gray alpha odd one pixel row column"},
	{"fast_nl_means_denoising h=10 templateWindowSize=3 searchWindowSize=7 normType=l1", "cv2.fastNlMeansDenoising(img, [10], None, 3, 7, cv2.NORM_L1)", nil, "colour gray alpha odd one pixel row column u16"},
	{"fast_nl_means_denoising_colored h=5 hColor=8 searchWindowSize=9", "cv2.fastNlMeansDenoisingColored(bgr8(img), None, 5, 8, 7, 9)", nil, "colour odd one pixel row"},
	{"denoise_tvl1 lambda=0.5 niters=10", "(lambda d: (cv2.denoise_TVL1([img], d, 0.5, 10), d)[1])(np.zeros_like(img)) if img.ndim == 2 and img.dtype == np.uint8 else refuse", nil, "gray odd one pixel column"},
	{"detail_enhance", "cv2.detailEnhance(bgr8(img))", nil, "colour odd one pixel row"},
	{"detail_enhance sigma_s=30 sigma_r=0.4", "cv2.detailEnhance(bgr8(img), sigma_s=30, sigma_r=0.4)", nil, "colour odd one pixel row"},
	{"edge_preserving_filter", "cv2.edgePreservingFilter(bgr8(img))", nil, "colour odd one pixel row"},
	{"edge_preserving_filter flags=normconv sigma_s=20 sigma_r=0.3", "cv2.edgePreservingFilter(bgr8(img), flags=cv2.NORMCONV_FILTER, sigma_s=20, sigma_r=0.3)", nil, "colour odd one pixel row"},
	{"stylization", "cv2.stylization(bgr8(img))", nil, "colour odd one pixel row"},
	{"pencil_sketch", "cv2.pencilSketch(bgr8(img))[0]", nil, "colour odd one pixel row"},
	{"pencil_sketch result=color sigma_s=20 shade_factor=0.05", "cv2.pencilSketch(bgr8(img), sigma_s=20, shade_factor=0.05)[1]", nil, "colour odd one pixel row"},
	{"decolor", "cv2.decolor(bgr8(img))[0]", nil, "colour odd"},
	{"decolor result=color_boost", "cv2.decolor(bgr8(img))[1]", nil, "colour odd"},
	{"tonemap gamma=2.2", "cv2.createTonemap(2.2).process(img) if img.ndim == 3 else refuse", nil, "none"},
	{"tonemap_drago gamma=1.5", "cv2.createTonemapDrago(1.5).process(img) if img.ndim == 3 else refuse", nil, "none"},
	{"tonemap_reinhard intensity=1 light_adapt=0.7 color_adapt=0.3", "cv2.createTonemapReinhard(1, 1, 0.7, 0.3).process(img) if img.ndim == 3 else refuse", nil, "none"},
	{"tonemap_mantiuk saturation=1.2", "cv2.createTonemapMantiuk(1, 0.7, 1.2).process(img) if img.ndim == 3 else refuse", nil, "none"},
}
